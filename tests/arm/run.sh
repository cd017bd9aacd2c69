#!/usr/bin/env bash
# Run the device's tests on 64-bit ARM, emulated, on a Debian x86 machine: docs/arm.md. Needs root.
# usage: PYTHON=... [ENVIRONMENTS="litert tflite-runtime"] tests/arm/run.sh [pytest arguments; by default tests/sdk]
# PYTHON, of this machine, has pip and the package ziglang: `make arm` brings both.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:?name a Python with pip and ziglang, or call make arm}
environments=${ENVIRONMENTS:-litert tflite-runtime}
root=$PWD/build/arm/root
release=bookworm # its Python is 3.11, the last one that tflite-runtime has wheels for
if [ $# -eq 0 ]; then set -- tests/sdk; fi

say() { printf '\n== %s\n' "$*"; }

if ! command -v debootstrap qemu-aarch64-static > /dev/null; then
  apt-get install --yes --no-install-recommends debootstrap qemu-user-static
fi

# The kernel starts ARM programs through QEMU from here on, the tests' subprocesses too.
binfmt=/proc/sys/fs/binfmt_misc
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
[ -e $binfmt/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf > $binfmt/register

if [ ! -e "$root/.made" ]; then
  say "Making an arm64 Debian $release in ${root#"$PWD"/}"
  rm -rf "$root"
  mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources | head -n 1)
  debootstrap --arch=arm64 --foreign --variant=minbase --include=python3 "$release" "$root" "$mirror"
  # Unpacked is enough for Python: configuring all packages under emulation takes far longer.
  for package in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb --extract "$package" "$root"; done
  touch "$root/.made"
fi

# ARM wheels, unpacked by this machine's pip. The oldest NumPy and the newest: one runtime each.
wanted=(pillow click rich flatbuffers cryptography keyring scikit-image
  pytest pytest-timeout hypothesis safetensors scikit-learn)
install() { # folder, packages...
  local target=$root/opt/$1
  shift
  [ "$(cat "$target/.made" 2> /dev/null)" != "$* ${wanted[*]}" ] || return 0
  say "Installing wheels: $*"
  rm -rf "$target"
  "$python" -m pip install --quiet --root-user-action ignore --target "$target" \
    --python-version 3.11 --only-binary :all: --platform manylinux2014_aarch64 \
    --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    --platform manylinux_2_34_aarch64 "$@" "${wanted[@]}"
  echo "$* ${wanted[*]}" > "$target/.made"
}
packages() { # environment
  case $1 in
    litert) echo ai-edge-litert 'numpy>=2' ;;
    tflite-runtime) echo tflite-runtime 'numpy<2' ;;
  esac
}

# One command inside, on the processor of a Raspberry Pi 5, in a mount namespace of its own:
# nothing stays mounted. /sys stays empty: LiteRT's ARM build crashes where it is there, perhaps
# on the x86 processors that it shows.
inside() { # folder of the wheels, command...
  unshare --mount bash -euc '
    root=$1 wheels=$2; shift 2
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    exec chroot "$root" /usr/bin/env -i -C "/headfit/$wheels" PATH=/usr/bin QEMU_CPU=cortex-a76 HOME=/root LANG=C.UTF-8 COLUMNS=120 \
      OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH="/headfit/$wheels/sdk:/opt/$wheels" "$@"
  ' inside "$root" "$@"
}

failed=0
for wheels in $environments; do
  # shellcheck disable=SC2046 # words, each a package
  install "$wheels" $(packages "$wheels")
  say "$wheels: testing commit $(git rev-parse --short HEAD)"
  rm -rf "$root/headfit/$wheels"
  mkdir -p "$root/headfit/$wheels"
  git archive HEAD sdk tests pyproject.toml LICENSE | tar -x -C "$root/headfit/$wheels"
  "$python" sdk/native/build.py --platform linux-aarch64 --folder "$root/headfit/$wheels/build/native"
  say "$wheels: the embedded extractor's golden picture in every engine"
  inside "$wheels" python3 -c \
    'import numpy, platform as p; print(p.machine(), "Python", p.python_version(), "NumPy", numpy.__version__)'
  inside "$wheels" python3 -m headfit doctor || failed=1
  say "$wheels: pytest $*"
  # A test may take 300 seconds on a machine; emulated it is given ten times that, and Hypothesis
  # tries a quarter of its examples.
  inside "$wheels" HEADFIT_EXAMPLES=25 python3 -m pytest -p no:cacheprovider --timeout 3000 "$@" || failed=1
done
echo "Not run: Larq Compute Engine's own engine (lce), which has no wheel for Linux on ARM."
exit "$failed"
