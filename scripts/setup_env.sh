#!/usr/bin/env bash
# Makes .venv for this machine (CPU, CUDA or ROCm). Safe to rerun and to interrupt; a second call does nothing.
#
#   scripts/setup_env.sh
#
# STEPLADDER_ACCELERATOR=cpu|cuda|rocm   overrides what is found
# TORCH_INDEX_URL=...                    package index that holds torch builds for this accelerator
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

accelerator() {
    if [[ -n "${STEPLADDER_ACCELERATOR:-}" ]]; then echo "$STEPLADDER_ACCELERATOR"
    elif command -v hipconfig >/dev/null && compgen -G "/sys/class/drm/card*/device/mem_info_vram_total" >/dev/null; then echo rocm
    elif command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 && command -v nvcc >/dev/null; then echo cuda
    else echo cpu; fi
}

fail() { echo "setup_env.sh: $*" >&2; exit 1; }

kind=$(accelerator)
venv=.venv
log=$venv/setup.log
stamp=$venv/.complete
wanted=$(cat requirements.txt requirements-gpu.txt scripts/constraints.txt scripts/llama_cpp_build.cmake \
             scripts/setup_env.sh 2>/dev/null | sha256sum | cut -c1-64)" $kind"

# The stamp is written last: its presence with the same content means "complete".
if [[ -x $venv/bin/python && -f $stamp && "$(<"$stamp")" == "$wanted" ]]; then exit 0; fi

# One setup at a time; a second one waits, then finds the stamp.
mkdir -p $venv
exec 9>"$venv/.setup.lock"
flock 9
if [[ -x $venv/bin/python && -f $stamp && "$(<"$stamp")" == "$wanted" ]]; then exit 0; fi
rm -f "$stamp"

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.12 python3.11 python3.13 python3; do
        [[ -n "$candidate" ]] && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null && { echo "$candidate"; return; }
    done
    fail "Python 3.11 or later with venv is needed; install it, or set PYTHON=/path/to/python"
}

step() {  # step "what" command...: quiet, timed, and the log's end when it fails
    local what=$1 start=$SECONDS; shift
    printf '  %-58s' "$what"
    if "$@" >>"$log" 2>&1; then printf '%4d s\n' $((SECONDS - start))
    else echo "failed"; tail -n 15 "$log" >&2; fail "$what failed; the whole log is $log"; fi
}

python=$(find_python)
echo "setting up $venv for $kind with $("$python" --version) (only the first time)"
for tool in gcc g++; do command -v $tool >/dev/null || fail "$tool is needed to compile llama.cpp; install a C++ compiler"; done

# A ROCm image brings the torch that fits its driver: use that one instead of the default index's CUDA build.
venv_options=()
if [[ $kind == rocm ]] && "$python" -c 'import torch, sys; sys.exit(torch.version.hip is None)' 2>/dev/null; then
    venv_options=(--system-site-packages)
fi
[[ -x $venv/bin/python ]] || step "virtual environment" "$python" -m venv "${venv_options[@]}" $venv
pip=($venv/bin/python -m pip --disable-pip-version-check)
constraints=()
[[ -f scripts/constraints.txt ]] && constraints=(-c scripts/constraints.txt)

if [[ $kind == rocm && ${#venv_options[@]} -eq 0 ]]; then
    [[ -n "${TORCH_INDEX_URL:-}" ]] || fail "no ROCm build of torch here; set TORCH_INDEX_URL to an index that has one (docs/mi300x.md)"
fi
if [[ ${#venv_options[@]} -eq 0 ]]; then
    step "torch" "${pip[@]}" install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "$(grep '^torch==' requirements.txt)"
fi

# Everything but torch (above) and llama-cpp-python (compiled below). With the system's torch, its version stands.
grep -v -e '^torch==' -e '^llama-cpp-python==' requirements.txt >$venv/requirements.txt
step "Python packages" "${pip[@]}" install -r $venv/requirements.txt "${constraints[@]}"
if [[ $kind != cpu ]]; then
    step "unsloth" "${pip[@]}" install -r requirements-gpu.txt
fi

# llama-cpp-python comes as source. Its source package also holds llama.cpp's converter scripts, which are kept.
llama=$(grep '^llama-cpp-python==' requirements.txt)
case $kind in
    rocm) backend="-DGGML_HIP=ON -DGPU_TARGETS=${GPU_TARGETS:-gfx942}"; HIPCXX="$(hipconfig -l)/clang"; export HIPCXX;;
    cuda) backend="-DGGML_CUDA=on";;
    *) backend="";;
esac
built=$venv/.llama-${llama##*==}-$kind
if [[ ! -f $built ]]; then
    rm -rf $venv/src && mkdir -p $venv/src $venv/share/llama.cpp
    step "llama.cpp: source" "${pip[@]}" download --no-deps --no-binary llama-cpp-python -d $venv/src "$llama"
    sdist=$(ls $venv/src/llama_cpp_python-*.tar.gz)
    step "llama.cpp: converter scripts" tar -xzf "$sdist" -C $venv/share/llama.cpp --strip-components=3 --wildcards \
        '*/vendor/llama.cpp/convert_*_to_gguf.py' '*/vendor/llama.cpp/conversion' '*/vendor/llama.cpp/gguf-py'
    # Without its server, tools and common library, which the Python package does not use, it compiles in a quarter of the time.
    step "llama.cpp: compiling for $kind (2-10 minutes)" env \
        CMAKE_BUILD_PARALLEL_LEVEL="$(nproc)" \
        CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_OPENSSL=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE=$PWD/scripts/llama_cpp_build.cmake $backend ${CMAKE_ARGS:-}" \
        "${pip[@]}" install --no-cache-dir --force-reinstall --no-deps "$sdist"
    step "llama.cpp: its Python dependencies" "${pip[@]}" install "$llama" "${constraints[@]}"
    rm -rf $venv/src
    touch "$built"
fi
step "check" $venv/bin/python -c 'import llama_cpp, torch, transformers, peft'
echo "$wanted" >"$stamp"
