#!/bin/sh
# Runs the bench of this bundle on the machine's GPU, PyTorch beside it where python3 has it, and writes everything to results/.
# Leaves what is measured to bench.mjs. Usage: ./run.sh [--null] [--ops layer,step/xlmr-base] [options]
set -u
here=$(cd "$(dirname "$0")" && pwd)
results="$here/results"
stamp=$(date -u +%Y-%m-%dT%H%M%SZ)
mkdir -p "$results"
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

node="$here/node"
[ -x "$node" ] || node=$(command -v node) || { echo "run.sh: no node in the bundle or on the path" >&2; exit 2; }

backend=webgpu
if [ "${1:-}" = "--null" ]; then
  backend=null
  shift
fi

# Which driver the Vulkan loader takes: the caller's choice, an installed manifest, or one written here for NVIDIA's library.
manifest() {
  printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$1" > "$results/icd.json"
  export VK_DRIVER_FILES="$results/icd.json" VK_ICD_FILENAMES="$results/icd.json"
}
find_library() {
  for folder in /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib /usr/local/nvidia/lib64; do
    [ -e "$folder/$1" ] && { echo "$folder/$1"; return 0; }
  done
  return 1
}
loads() { ! ldd "$1" 2>/dev/null | grep -q "not found"; }
if [ "$backend" = webgpu ] && [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
  found=$(ls /usr/share/vulkan/icd.d/*nvidia*.json /etc/vulkan/icd.d/*nvidia*.json 2>/dev/null | head -n 1)
  if [ -n "$found" ]; then
    export VK_DRIVER_FILES="$found" VK_ICD_FILENAMES="$found"
  elif library=$(find_library libGLX_nvidia.so.0) && loads "$library"; then
    manifest "$library"
  elif library=$(find_library libEGL_nvidia.so.0) && loads "$library"; then
    manifest "$library"
  else
    echo "run.sh: no NVIDIA Vulkan driver was found (libGLX_nvidia.so.0); the loader's own search decides" >&2
  fi
fi

{
  echo "date: $stamp"
  echo "commit: $(cat "$here/COMMIT")"
  echo "system: $(uname -srm)"
  echo "node: $("$node" --version)"
  echo "driver manifest: ${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-none named}}"
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>/dev/null | sed 's/^/gpu: /'
} | tee "$results/$stamp-machine.txt"

python=${BENCH_PYTHON:-$(command -v python3 || true)}
status=0
ops="ceiling,matmul,norm,attention,kernel,layer,adamw,trace,step,frozen,evaluation"
# The null device has no room for the table of XLM-R's vocabulary.
[ "$backend" = null ] && ops="matmul,norm,attention,kernel,layer,adamw,trace,step/tiny,step/minilm,step/base,evaluation/tiny"
if [ "${1:-}" = "--ops" ]; then
  ops="$2"
  shift 2
fi
"$node" "$here/bench.mjs" --backend "$backend" --ops "$ops" --json "$results/$stamp-$backend.json" \
  --markdown "$results/$stamp-$backend.md" "$@" || status=$?

# On a processor its large steps would take hours.
if [ "$backend" = webgpu ] && [ -n "$python" ] &&
  "$python" -c "import numpy, sys, torch; sys.exit(not torch.cuda.is_available())" 2>/dev/null; then
  "$python" "$here/peers/torch_step.py" "$here" --only "$ops" > "$results/$stamp-torch.jsonl" || status=$?
  cat "$results/$stamp-torch.jsonl"
else
  echo "run.sh: PyTorch's own steps were left out: the null backend, or no python3 with numpy, torch and CUDA" >&2
fi
echo "results: $results"
exit $status
