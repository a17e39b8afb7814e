#!/usr/bin/env bash
# Builds a folder of `bitloom deploy --target c` as firmware engineers do, and runs the self-tests of its networks where that can be.
#   tests/cross/firmware.sh cmake|avr|arduino|zephyr FOLDER NETWORK...
# cmake: with ctest; avr: for an ATmega1284P, constants in flash, in simavr; arduino: the library's example, for a Mega, by Debian's arduino-builder; zephyr: as a
# module of the sample hello_world in ZEPHYR_BASE, for mps2/an385. Ends with 77, and the reason on standard error, when a tool is not installed.
set -euo pipefail
target=$1 folder=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
need() {
  for tool in "$@"; do command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2 && exit 77; }; done
}
case $target in
  cmake)
    need cmake ctest cc
    cmake -S "$folder" -B "$folder/build" >"$folder/log"
    cmake --build "$folder/build" >>"$folder/log"
    (cd "$folder/build" && ctest)
    ;;
  avr)
    need avr-gcc simavr
    for network in "$@"; do
      avr-gcc -Os -mmcu=atmega1284p -std=gnu99 -Wall -Wextra -Werror -ffunction-sections -fdata-sections -Wl,--gc-sections -DBITLOOM_NO_MAIN \
        -DSELFTEST="${network}_selftest" "$folder"/*.c "$here/avr_main.c" -o "$folder/$network.elf"
      timeout 300 simavr -m atmega1284p -f 16000000 "$folder/$network.elf" 2>&1 | grep -o "0 samples differ"
    done
    ;;
  arduino)
    need arduino-builder avr-gcc
    for network in "$@"; do  # the core that Debian has asks its compiler for DECIMAL_DIG, which that has not in C++
      mkdir -p "$folder.build"
      arduino-builder -compile -hardware /usr/share/arduino/hardware -hardware /usr/share/arduino-builder -tools /usr/share/arduino-builder \
        -prefs=build.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__ -fqbn arduino:avr:mega:cpu=atmega2560 -libraries "$(dirname "$folder")" -build-path "$folder.build" "$folder/examples/${network}_selftest/${network}_selftest.ino"
    done
    ;;
  zephyr)
    need cmake ninja dtc
    [ -n "${ZEPHYR_BASE:-}" ] || { echo "ZEPHYR_BASE is not set" >&2 && exit 77; }
    cmake -GNinja -S "$ZEPHYR_BASE/samples/hello_world" -B "$folder/build" -DBOARD=mps2/an385 -DZEPHYR_EXTRA_MODULES="$folder"
    ninja -C "$folder/build"
    ;;
  *) echo "firmware.sh: there is no target '$target'" >&2 && exit 2 ;;
esac
