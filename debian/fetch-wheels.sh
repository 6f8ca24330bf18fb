#!/bin/sh
# Fetches the wheels of wheels*.txt for an architecture of Debian's: fetch-wheels.sh amd64|arm64 DIRECTORY
# Those for any Python from 3.11 on go to DIRECTORY/common, the others to DIRECTORY/python3.11 and python3.13.
set -eu
here=$(dirname "$0")
case $1 in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*) echo "$0: $1: amd64 or arm64" >&2; exit 2 ;;
esac
rm -rf "$2"
mkdir -p "$2/common"
for python in 3.11 3.13; do
  own=$here/wheels-python$python.txt
  # Any glibc up to Debian 12's, 2.36.
  # shellcheck disable=SC2046
  python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --implementation cp --python-version $python \
    $(for glibc in 17 26 28 34; do echo "--platform manylinux_2_${glibc}_$machine"; done) \
    --platform manylinux2014_$machine --dest "$2/python$python" --requirement "$here/wheels.txt" \
    $([ ! -e "$own" ] || echo "--requirement $own")
  mv "$2/python$python"/*-none-any.whl "$2/common/"
  # What serves Python 3.11 and all later ones is there once; what begins with a later one (soxr) stays with that.
  for wheel in "$2/python$python"/*-abi3-*.whl; do
    if [ $python = 3.11 ]; then mv "$wheel" "$2/common/"; elif [ -e "$2/common/${wheel##*/}" ]; then rm "$wheel"; fi
  done
done
