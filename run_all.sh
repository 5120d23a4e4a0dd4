#!/usr/bin/env bash
# The whole chain: questions -> weights -> reasoning -> curriculum -> training -> test -> agents -> report.
#
#   ./run_all.sh                            everything; what is done already is skipped
#   ./run_all.sh --profile mi300x           auto (default), laptop, mi300x, or a .toml
#   ./run_all.sh --plan                     what would be loaded, memory, disk and hours; loads nothing
#   ./run_all.sh --status                   which stages are done, and why the others are not
#   ./run_all.sh --from 03                  from this stage on
#   ./run_all.sh --only 03                  this stage alone
#   ./run_all.sh --args 03 "--order random" more flags for one stage (repeatable)
#   ./run_all.sh --workdir DIR              data/enhanced and models somewhere else
set -euo pipefail
project="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

stages=(
    00_collect_questions          # sources -> training, validation and held-out questions
    01_download_deepseek_gguf     # teacher, assessor and student weights
    02_generate_cot_llama_cpp     # the teacher writes verified reasoning
    03_create_curriculum_phi4     # the assessor rates, easy -> hard
    04_train_qwen3_235b           # LoRA along the curriculum
    05_test_model                 # base and student on held-out questions
    06_deploy_agents              # gate, export, agents, tournament
)
profile=auto from=00 only="" mode=run workdir="$project"
declare -A extra=()

usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
bad() { echo "run_all.sh: $*; see ./run_all.sh --help" >&2; exit 2; }
stage_number() {
    local name
    for name in "${stages[@]}"; do [[ "$name" == "$1"* && "$1" =~ ^[0-9]{2} ]] && { echo "${name:0:2}"; return; }; done
    bad "there is no stage '$1' (00 to 06)"
}

while (($#)); do
    case $1 in
        --help|-h) usage; exit 0;;
        --plan) mode=plan; shift; continue;;
        --status) mode=status; shift; continue;;
    esac
    (($# >= 2)) || bad "unknown argument or missing value: $1"
    case $1 in
        --profile) profile=$2; shift 2;;
        --workdir) mkdir -p "$2"; workdir=$(cd "$2" && pwd); shift 2;;
        --from) from=$(stage_number "$2"); shift 2;;
        --only) only=$(stage_number "$2"); shift 2;;
        --args) (($# >= 3)) || bad "--args needs a stage and its flags"
                number=$(stage_number "$2"); extra[$number]=$3; shift 3;;
        *) bad "unknown argument $1";;
    esac
done

"$project/scripts/setup_env.sh"
python="$project/.venv/bin/python"
export TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1

profile=$("$python" "$project/scripts/show.py" profile --profile "$profile")
logs="$workdir/data/enhanced/logs"
mkdir -p "$logs"

run_stage() {  # script name -> its exit code; output to the terminal and to a log of its own
    local script=$1 number=${1:0:2} log flags=()
    [[ -n "${extra[$number]:-}" ]] && read -r -a flags <<<"${extra[$number]}"
    [[ $mode == run ]] || flags+=("--$mode")
    log="$logs/$(date +%Y%m%d-%H%M%S)_$number.log"
    local command=("$python" "$project/scripts/$script.py" --profile "$profile" --workdir "$workdir" "${flags[@]}")
    if [[ $mode != run ]]; then "${command[@]}"; return; fi
    printf '%s\n' "${command[*]}" >"$log"
    set +e
    "${command[@]}" 2>&1 | tee -a "$log"
    local code=${PIPESTATUS[0]}
    set -e
    if ((code != 0)); then
        echo
        echo "stage $number stopped with exit code $code; its log: $log" >&2
        echo "go on with: ./run_all.sh --profile $profile --from $number" >&2
        exit "$code"
    fi
    # A stage that was done already says one line; no need to keep a log of that.
    if ! tail -n +2 "$log" | grep -qv "^$number[ a-z]*: already done"; then rm -f "$log"; fi
}

for script in "${stages[@]}"; do
    number=${script:0:2}
    [[ -n "$only" && "$number" != "$only" ]] && continue
    [[ "$number" < "$from" ]] && continue
    run_stage "$script"
done

if [[ $mode == run && -z "$only" ]]; then
    "$python" "$project/scripts/show.py" report --profile "$profile" --workdir "$workdir"
    "$python" "$project/scripts/show.py" summary --profile "$profile" --workdir "$workdir"
fi
