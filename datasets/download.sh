#!/bin/sh
# Downloads the official archives, verifies their checksums and unpacks those that are read as folders.
#   datasets/download.sh [NAME...]     cifar10 speech_commands visual_wake_words; all of them unless named
# They go to $BITLOOM_DATA (/var/tmp/bitloom-data unless set). What is there and right is kept; a partial download is resumed.
set -eu
folder=${BITLOOM_DATA:-/var/tmp/bitloom-data}

fail() {
  echo "error: $*" >&2
  exit 1
}

# Whether file $1 has checksum $2, written ALGORITHM:DIGEST.
matches() { [ "$("${2%%:*}sum" "$1" | cut -d ' ' -f 1)" = "${2#*:}" ]; }

download() {  # URL FILE
  if command -v curl >/dev/null; then
    progress=--silent
    if [ -t 2 ]; then progress=--progress-bar; fi
    curl --fail --location --connect-timeout 20 --retry 2 --continue-at - $progress --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --quiet --timeout=20 --tries=3 --continue --output-document="$2" "$1"
  else
    fail "neither curl nor wget is installed; download $1 by hand to ${2%.part}"
  fi
}

# Makes $folder/ARCHIVE the verified download of URL.
fetch() {  # URL CHECKSUM
  archive=$folder/${1##*/}
  if [ ! -e "$archive" ]; then
    echo "downloading $1" >&2
    download "$1" "$archive.part" || fail "cannot download $1; download it where there is a network and put it at $archive"
    if ! matches "$archive.part" "$2"; then
      rm -f "$archive.part"
      fail "$1 did not have the checksum $2; try again"
    fi
    mv "$archive.part" "$archive"
  elif ! matches "$archive" "$2"; then
    fail "$archive is not $1 (its checksum is not $2); remove it to download it again"
  fi
  echo "$archive"
}

# Unpacks $archive so that $folder/NAME appears complete or not at all. Both archives hold one folder, "." or NAME.
unpack() {  # NAME
  if [ ! -d "$folder/$1" ]; then
    rm -rf "$folder/$1.part"
    mkdir "$folder/$1.part"
    tar -xzf "$archive" -C "$folder/$1.part" --strip-components=1 || fail "cannot unpack $archive"
    mv "$folder/$1.part" "$folder/$1"
  fi
  echo "$folder/$1"
}

mkdir -p "$folder" || fail "cannot create $folder; set BITLOOM_DATA to a folder of yours"
if [ $# -eq 0 ]; then set -- cifar10 speech_commands visual_wake_words; fi
for name in "$@"; do
  case $name in
    # Checksum from the data set's page, www.cs.toronto.edu/~kriz/cifar.html.
    cifar10) fetch https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz md5:c32a1d4ab5d03f1284b67883e8d87530 ;;
    # Checksum as in torchaudio and TensorFlow Datasets.
    speech_commands)
      fetch http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz \
        sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58
      unpack speech_commands_v0.02
      ;;
    # The archive of MLPerf Tiny. No checksum is published; this one is quoted alike by independent projects.
    visual_wake_words)
      fetch https://www.silabs.com/public/files/github/machine_learning/benchmarks/datasets/vw_coco2014_96.tar.gz \
        sha256:f8746b9e44f8a7a4293f73be9ba6e8da9239fe69798d42364aae62b915cfab58
      unpack vw_coco2014_96
      ;;
    *) fail "unknown data set '$name'; there are cifar10, speech_commands and visual_wake_words" ;;
  esac
done
