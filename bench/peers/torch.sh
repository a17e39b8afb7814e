# Sourced: `torch SCRIPT [ARGUMENT...]` runs a PyTorch script at its best. glibc keeps freed memory, as bitloom's program tells it to (returning it costs
# ResNet-8 and MobileNet up to half of their speed), and OpenMP's threads wait as they do by default: passive ones slow the autoencoder down 2.5 times.
torch() {
  env -u OMP_WAIT_POLICY MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=268435456 /usr/bin/python3 "$@"
}
