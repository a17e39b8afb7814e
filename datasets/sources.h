// Where datasets come from. Every loader returns validated splits or throws Error with path, what was found and expected.
#pragma once
#include <cstdint>
#include <string>

#include "datasets/class_folders.h"
#include "datasets/task.h"

namespace bitloom {

// CIFAR-10 in its official binary form: `path` is the folder with data_batch_1..5.bin and test_batch.bin, a folder that holds
// cifar-10-batches-bin/ or cifar-10-binary.tar.gz, or the archive itself (streamed through zlib). 45,000 / 5,000 / 10,000
// samples: the validation part is the last 5,000 training rows. Pixels / 255.
TaskData load_cifar10(const std::string& path);

// Deterministic built-in task of small colour images, hard enough that 2-bit weights lose clearly against 8-bit ones.
TaskData make_synthetic(uint64_t seed, int64_t train = 4096, int64_t val = 1024, int64_t test = 2048);

// Deterministic built-in keywords of a made-up language, as MFCC: glides between vowels of synthetic voices, silence, unknown.
TaskData make_synthetic_words(uint64_t seed, int64_t train = 3000, int64_t val = 1000, int64_t test = 2000);

// Deterministic built-in visual wake words, 48 x 48: a drawn figure over other shapes, or its parts scattered.
TaskData make_synthetic_figures(uint64_t seed, int64_t train = 6000, int64_t val = 1000, int64_t test = 2000);

// Deterministic built-in sounds of four made-up machines, to be told normal from faulty, as log-mel vectors (datasets/frame_vectors.h): so many
// recordings of each machine, of the test ones every second faulty.
TaskData make_synthetic_machines(uint64_t seed, int64_t train = 24, int64_t val = 4, int64_t test = 24);

// Spoken words, as MFCC (datasets/mfcc.h); `path` is a folder of word folders of .wav files (16 kHz; the first second counts, shorter ones end
// in zeros), or a .tar.gz of it:
// - Speech Commands v0.02 as it is published, or a folder that holds it: 12 classes in MLPerf Tiny's order, the ten words, silence, unknown;
//   split by validation_list.txt and testing_list.txt, where they are missing by speaker. Of the other words, "unknown", as many clips as a keyword has
//   on average; as many are cut from _background_noise_ as "silence", unless there is a folder _silence_. With a fold, split by speaker.
// - Its 12-class test set (the ten words, _silence_, _unknown_ and nothing else): all of it is for testing, whatever the fold.
// - Any other words: a class for each folder, sorted by name, then silence (_silence_ or _background_noise_) and unknown (_unknown_) where they are.
TaskData load_keywords(const std::string& path, const Fold& fold = {}, const LoadObserver& observer = {});

// Pictures, to be told apart; `path` is a folder of a folder of .jpg files for each class, or a .tar.gz of it. All become side x side pixels
// (datasets/jpeg.h), / 255; classes are sorted by name. Changed in training as MLPerf Tiny's are.
// - The visual wake words of MLPerf Tiny, vw_coco2014_96 (person/ and non_person/, files named COCO_*), or a folder that holds it: the first tenth of each
//   class by name, on which MLPerf's training is validated, is for testing; a tenth of the rest for validation.
// - Any others: a tenth of each class for testing and one for validation, in the order of the hashes of the files' names. With a fold, parts of each
//   class in that order, of these and those.
// Where a class has more than twice the files of another, the metric is balanced accuracy.
// Files that cannot be read are an error that names the first and counts them, or with skip_bad are left out: TaskData::skipped.
struct PictureOptions {
  int64_t side = 96;
  bool skip_bad = false;
  Fold fold = {};
};
TaskData load_pictures(const std::string& path, const PictureOptions& options = {}, const LoadObserver& observer = {});

// Sounds of machines, to be told normal from anomalous: folders train/ and test/ of normal_id_01_00000000.wav, anomaly_id_01_... (16 kHz), one
// machine type of DCASE 2020 task 2, or a .tar.gz of them. A sample is five frames of the log-mel spectrogram (datasets/log_mel.h), 640 values; of a
// recording's frames 50 to 249 count. A tenth of train/, by the hash of the name, is for validation. The score of a recording is the mean of its
// 196 samples', its group the machine's id.
TaskData load_machine_sounds(const std::string& path, const LoadObserver& observer = {});

// An .npz with x_train, y_train, x_test, y_test and optionally x_val, y_val. x is (N,H,W,C), (N,H,W) or (N,F), uint8 (pixels / 255) or
// float32; y is (N) or (N,1), whole numbers of any type. Without x_val, a tenth of the training samples is split off. Other arrays are
// left alone.
//
// Without y_train the task is to reconstruct the samples: y_test then says which are anomalous (not 0), machine_id_test (and _train, _val)
// at which machine each was recorded, and the metric is the area under the ROC by machine; without y_test, the mean squared error.
//
// One with x (and y, and names of the classes in `classes`) instead is a test set. Of int8 samples, as MLPerf Tiny gives those of its accuracy
// runs, the value is (x - input_zero_point) * input_scale.
TaskData load_npz_task(const std::string& path, uint64_t seed);
// Whether that task is to tell classes.
bool has_labels(const std::string& path);

}  // namespace bitloom
