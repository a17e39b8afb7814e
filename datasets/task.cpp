// Tasks: their splits, checks and digest.
#include "datasets/task.h"

#include "core/error.h"
#include "core/hash.h"

namespace bitloom {
namespace {

template <class T>
uint64_t hash_of(const std::vector<T>& values, uint64_t seed) {
  return hash64(values.data(), int64_t(values.size() * sizeof(T)), seed);
}

// Splits as one, in their order.
class Joined : public Dataset {
 public:
  explicit Joined(std::vector<std::shared_ptr<Dataset>> parts)
      : Dataset(parts[0]->name() + " and the other splits", parts[0]->format(), size_of(parts), all_of(parts, &Dataset::labels),
                all_of(parts, &Dataset::groups)),
        parts_(std::move(parts)) {
    for (const auto& part : parts_)
      BITLOOM_CHECK(part->scored_together() == 1, name(), ": recordings are not tested as a whole; leave out --whole");
  }
  void fill(int64_t index, const Rng* rng, float* out) const override { part_of(index).fill(index, rng, out); }
  void fill_codes(int64_t index, uint8_t* out) const override { part_of(index).fill_codes(index, out); }

 private:
  using Parts = std::vector<std::shared_ptr<Dataset>>;
  static int64_t size_of(const Parts& parts) {
    int64_t size = 0;
    for (const auto& part : parts) size += part->size();
    return size;
  }
  static std::vector<int32_t> all_of(const Parts& parts, const std::vector<int32_t>& (Dataset::*numbers)() const) {
    std::vector<int32_t> all;
    for (const auto& part : parts) all.insert(all.end(), ((*part).*numbers)().begin(), ((*part).*numbers)().end());
    return all;
  }
  // The split that sample `index` lies in; makes it the index there.
  const Dataset& part_of(int64_t& index) const {
    size_t part = 0;
    for (; index >= parts_[part]->size(); ++part) index -= parts_[part]->size();
    return *parts_[part];
  }

  const Parts parts_;
};

uint64_t hash_of(const Dataset& part, uint64_t hash) {
  const SampleFormat& f = part.format();
  hash = hash_of(
      std::vector<int64_t>{f.h, f.w, f.c, f.codes, part.size(), int64_t(part.labels().size()), int64_t(part.groups().size())},
      hash);
  hash = hash_of(std::vector<float>{f.codes ? f.scale : 1.0f}, hash);
  std::vector<uint8_t> codes(size_t(f.codes ? f.size() : 0));
  std::vector<float> values(size_t(f.codes ? 0 : f.size()));
  for (int64_t i = 0; i < part.size(); ++i) {
    f.codes ? part.fill_codes(i, codes.data()) : part.fill(i, nullptr, values.data());
    hash = f.codes ? hash_of(codes, hash) : hash_of(values, hash);
  }
  return hash_of(part.groups(), hash_of(part.labels(), hash));
}

}  // namespace

TaskData make_task(Task task, Samples train, Samples val, Samples test) {
  TaskData data{std::move(task), std::make_shared<ArrayDataset>(std::move(train)),
                std::make_shared<ArrayDataset>(std::move(val)), std::make_shared<ArrayDataset>(std::move(test))};
  data.train->set_augment(data.task.augment);
  validate(data);
  return data;
}

TaskData whole(const TaskData& data) {
  if (data.task.test_only) return data;
  const auto all = std::make_shared<Joined>(std::vector<std::shared_ptr<Dataset>>{data.train, data.val, data.test});
  TaskData result{data.task, all, all, all, data.skipped};
  result.task.test_only = true;
  validate(result);
  return result;
}

void validate(const TaskData& data) {
  const Task& task = data.task;
  const SampleFormat& wanted = data.train->format();
  const bool classifies = task.kind == TaskKind::kClassification;
  BITLOOM_CHECK(!classifies || task.classes >= 2, data.train->name(), ": a classification needs two classes at least, not ",
                task.classes);
  for (const Dataset* part : {data.train.get(), data.val.get(), data.test.get()}) {
    const SampleFormat& f = part->format();
    BITLOOM_CHECK(f.h == wanted.h && f.w == wanted.w && f.c == wanted.c && f.codes == wanted.codes &&
                      (!f.codes || f.scale == wanted.scale),
                  part->name(), ": samples differ from those of ", data.train->name(), " in shape or scale");
    if (!classifies) continue;
    BITLOOM_CHECK(!part->labels().empty(), part->name(), ": 0 labels for ", part->size(), " samples of ", task.classes,
                  " classes");
    for (size_t i = 0; i < part->labels().size(); ++i)
      BITLOOM_CHECK(part->labels()[i] >= 0 && part->labels()[i] < task.classes, part->name(), ": label ", part->labels()[i],
                    " of sample ", i, " is outside 0 .. ", task.classes - 1);
  }
  BITLOOM_CHECK(task.metric->kind() == task.kind, "metric ", task.metric->name(), " does not suit task ", task.name,
                ", which is a ", name_of(task.kind));
  task.metric->score(std::vector<double>(size_t(data.test->size())), *data.test);
}

std::string digest(const TaskData& data) {
  const std::vector<int64_t> task = {int64_t(data.task.kind), data.task.classes};
  uint64_t hash = hash_of(task, 0);
  for (const Dataset* part : {data.train.get(), data.val.get(), data.test.get()}) hash = hash_of(*part, hash);
  return hex64(hash);
}

std::string digest(const Dataset& split) { return hex64(hash_of(split, 0)); }

}  // namespace bitloom
