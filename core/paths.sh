#!/usr/bin/env bash
# The objects of a portable program's kernel paths (paths.h). Compiled for different processors, they may share nothing: an inline function of a header that
# a linker took from AVX-512 code would end the program on another processor.
#   core/paths.sh join NAME OUT.o OBJECT...      one path: its functions f become f.NAME, all else in it is local
#   core/paths.sh dispatch OUT.s NAME/FILE.o...  the functions' own names, which jump to those of the chosen path
set -euo pipefail

fail() { echo "core/paths.sh: $*" >&2; exit 1; }
suffix() { tr - _ <<<"$1"; }
# The functions that objects define for others; weak ones are copies of inline functions.
functions() { nm --defined-only --extern-only --format=posix "$@" | awk '$2 == "T" {print $1}' | LC_ALL=C sort -u; }

join() {
  local name out=$2 temporary
  name=$(suffix "$1")
  shift 2
  temporary=$(mktemp -d)
  trap "rm -rf '$temporary'" EXIT
  # Without groups, which the linker would compare by name with those of other objects.
  ${LD:-ld} -r -d --force-group-allocation -o "$temporary/joined.o" "$@"
  functions "$temporary/joined.o" >"$temporary/functions"
  sed "s/.*/& &.$name/" "$temporary/functions" >"$temporary/renamed"
  sed "s/$/.$name/" "$temporary/functions" >"$temporary/kept"
  ${OBJCOPY:-objcopy} --redefine-syms="$temporary/renamed" --keep-global-symbols="$temporary/kept" "$temporary/joined.o" "$out"
  local shared
  shared=$(nm --defined-only --format=posix "$out" | awk -v own=".$name\$" '$2 ~ /[A-Zu]/ && $1 !~ own {print $1}')
  [ -z "$shared" ] || fail "$out shares with other objects: $shared"
  # Constructors would run on every processor.
  ! objdump -h "$out" | grep -qE '\.(init_array|ctors)' || fail "$out has static objects with constructors"
}

dispatch() {
  local out=$1 list path name k=0
  shift
  list=$(functions "$1" | sed 's/\.[^.]*$//')
  {
    printf '# Written by core/paths.sh: every kernel, through the table that core/paths.cpp fills.\n.text\n'
    for f in $list; do
      printf '.globl %s\n.type %s, @function\n%s: jmp *bitloom_chosen_kernels+%d(%%rip)\n' "$f" "$f" "$f" $((8 * k++))
    done
    printf '.globl bitloom_chosen_kernels, bitloom_kernels, bitloom_kernel_count\n'
    printf '.bss\n.balign 8\nbitloom_chosen_kernels: .zero %d\n' $((8 * k))
    printf '.section .data.rel.ro,"aw"\n.balign 8\nbitloom_kernel_count: .quad %d\nbitloom_kernels:\n' "$k"
    for path in "$@"; do
      name=$(suffix "$(basename "$(dirname "$path")")")
      [ "$(functions "$path" | sed "s/\.$name\$//")" = "$list" ] || fail "$path has other functions than $1"
      for f in $list; do printf '.quad %s.%s\n' "$f" "$name"; done
    done
    printf '.section .init_array.00101,"aw",@init_array\n.balign 8\n.quad bitloom_choose_kernels\n'
    printf '.section .note.GNU-stack,"",@progbits\n'
  } >"$out"
}

"$@"
