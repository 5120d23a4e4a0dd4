#!/usr/bin/env bash
# The whole chain: questions -> weights -> reasoning -> curriculum -> training -> test -> agents -> report.
#
#   ./run_all.sh                            everything; what is done already is skipped
#   ./run_all.sh --profile mi300x           auto (default), laptop, mi300x, or a .toml
#   ./run_all.sh --init NAME                writes scripts/profiles/NAME.toml, a profile of your own, and ends
#   ./run_all.sh --plan                     what would be loaded, memory, disk and hours; loads nothing
#   ./run_all.sh --status                   which stages are done, and why the others are not
#   ./run_all.sh --from 03                  from this stage on (3 is the same)
#   ./run_all.sh --only 03                  this stage alone
#   ./run_all.sh --args 04 "--order random" more flags for one stage, quoted as in a shell (repeatable)
#                                           they are kept, as is what a stage was given when it was run by hand
#   ./run_all.sh --forget                   takes the profile's settings again, whatever was given before
#   ./run_all.sh --workdir DIR              data/enhanced and models somewhere else
#   ./run_all.sh --variant NAME --args 04 "--order random"
#                                           another student beside the first: from the first stage with flags of its own
#                                           on, what it writes has NAME in its name; the rest is the main run's. Its
#                                           flags are kept: later ./run_all.sh --variant NAME is enough
#
# Ctrl-C, SIGTERM or a closed terminal: the stage finishes the record it has in hand, then exit code 130; a second
# one stops it at once. Either way nothing finished is lost, and the last line says how to go on.
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
profile=auto from=00 only="" mode=run workdir="$project" variant="" init="" forget=""
declare -A extra=() belongs=()

given=("$@")

usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
bad() { echo "run_all.sh: $*; see ./run_all.sh --help" >&2; exit 2; }
stage_number() {  # 3, 03 or a script's name -> 03
    local name wanted=$1
    [[ "$wanted" =~ ^[0-9]$ ]] && wanted="0$wanted"
    for name in "${stages[@]}"; do
        [[ "$name" == "$wanted"* && "$wanted" =~ ^[0-9]{2} ]] && { echo "${name:0:2}"; return; }
    done
    bad "there is no stage '$1' (00 to 06)"
}

while (($#)); do
    case $1 in
        --help|-h) usage; exit 0;;
        --plan) mode=plan; shift; continue;;
        --status) mode=status; shift; continue;;
        --forget) forget=yes; shift; continue;;
    esac
    (($# >= 2)) || bad "unknown argument or missing value: $1"
    case $1 in
        --profile) profile=$2; shift 2;;
        --workdir) mkdir -p "$2"; workdir=$(cd "$2" && pwd); shift 2;;
        --init) init=$2; shift 2;;
        --from) from=$(stage_number "$2"); shift 2;;
        --only) only=$(stage_number "$2"); shift 2;;
        --variant) [[ $2 == [!-]* ]] || bad "--variant needs a name, not '$2'"
                   variant=$2; shift 2;;
        --args) (($# >= 3)) || bad "--args needs a stage and its flags"
                number=$(stage_number "$2"); extra[$number]+=" $3"; shift 3;;
        *) bad "unknown argument $1";;
    esac
done

"$project/scripts/setup_env.sh"
python="$project/.venv/bin/python"
export TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1

if [[ -n $init ]]; then exec "$python" "$project/scripts/show.py" init "$init" --profile "$profile"; fi
profile=$("$python" "$project/scripts/show.py" profile --profile "$profile")
logs="$workdir/data/enhanced/logs"
mkdir -p "$logs"

words() {  # flags in one string -> the words a shell would make of them, each ended by a zero byte
    "$python" -c 'import shlex, sys; sys.stdout.write("".join(f"{word}\0" for word in shlex.split(sys.argv[1])))' "$1"
}
for number in "${!extra[@]}"; do
    words "${extra[$number]}" >/dev/null 2>&1 || bad "--args $number ${extra[$number]# }: a quote is not closed"
done

keep_flags() {  # what finished stages were given by flag and this run does not say otherwise
    local number flags rows given_flags=()
    for number in "${!extra[@]}"; do given_flags+=("--args=$number ${extra[$number]# }"); done
    rows=$("$python" "$project/scripts/show.py" flags --profile "$profile" --workdir "$workdir" "${given_flags[@]}") ||
        return
    while read -r number flags; do
        [[ -n $number ]] || continue
        extra[$number]="$flags ${extra[$number]:-}"
        echo "$number: keeps $flags from its last run; --forget takes the profile's settings" >&2
    done <<<"$rows"
}
[[ -n $variant || -n $forget ]] || keep_flags

plan_variant() {  # which stages are the variant's own, the main run's, or there already; with which flags
    local number how flags rows given_flags=() keep=()
    for number in "${!extra[@]}"; do given_flags+=("--args=$number ${extra[$number]# }"); done
    [[ $mode != run ]] || keep=(--keep)
    rows=$("$python" "$project/scripts/show.py" variants "$variant" --profile "$profile" --workdir "$workdir" \
        "${given_flags[@]}" "${keep[@]}") || return
    while read -r number how flags; do
        belongs[$number]=$how extra[$number]=$flags
    done <<<"$rows"
}
[[ -z $variant ]] || plan_variant

way_on() {  # stage number -> the command this run was started with, from that stage on
    local words=() word skip=""
    for word in "${given[@]}"; do
        if [[ -n $skip ]]; then skip=""; continue; fi
        case $word in --from|--only) skip=yes;; *) words+=("$word");; esac
    done
    if [[ -n $only ]]; then words+=(--only "$1"); else words+=(--from "$1"); fi
    printf '%q ' "${BASH_SOURCE[0]}" "${words[@]}"
}

tell() { printf '%s\n' "$@" >>"$log" || true; printf '%s\n' "$@" >&2 || true; }  # disk full, terminal gone

# A stage runs in a session of its own, so that a signal reaches it once, through here, however it was sent.
stops=0 interruptions=0 stage_pid=""
pass_on() {
    stops=$((stops + 1)) interruptions=$((interruptions + 1))
    [[ -z $stage_pid ]] || kill -s "$1" "$stage_pid" 2>/dev/null || true
}
suspend() {  # Ctrl-Z
    interruptions=$((interruptions + 1))
    [[ -z $stage_pid ]] || kill -s STOP "$stage_pid" || true
    kill -s STOP $$
    [[ -z $stage_pid ]] || kill -s CONT "$stage_pid" || true
}
if [[ $mode == run ]]; then
    trap '' PIPE
    trap 'pass_on TERM' INT TERM HUP
    trap 'pass_on KILL' QUIT
    trap suspend TSTP
fi

await() {  # process id: sets code to its exit code, however often a signal interrupts the waiting
    local before last=0
    while :; do
        before=$interruptions code=0
        wait "$1" || code=$?
        ((code != 127)) || code=$last  # it was waited for already
        [[ $interruptions != "$before" ]] || return 0
        last=$code
    done
}

run_stage() {  # script name; output to the terminal and to a log of its own
    local script=$1 number=${1:0:2} log flags=() code tee_pid
    mapfile -d '' -t flags < <(words "${extra[$number]:-}")
    if [[ ${belongs[$number]:-} == shared ]]; then echo "$number: the main run's, which is there"; return; fi
    [[ $mode == run ]] || flags+=("--$mode")
    [[ ${belongs[$number]:-} != own ]] || flags=(--variant "$variant" "${flags[@]}")
    log="$logs/$(date +%Y%m%d-%H%M%S)_$number${variant:+.$variant}.log"
    local command=("$python" "$project/scripts/$script.py" --profile "$profile" --workdir "$workdir" "${flags[@]}")
    if [[ $mode != run ]]; then "${command[@]}"; return; fi
    printf '%q ' "${command[@]}" >"$log"
    echo >>"$log"
    exec 3> >(trap '' INT TERM HUP QUIT TSTP PIPE; exec tee -a "$log")  # outlives signals and a closed terminal
    tee_pid=$!
    local before=$stops
    setsid "${command[@]}" >&3 2>&1 3>&- &
    stage_pid=$!
    exec 3>&-
    [[ $stops == "$before" ]] || kill -s TERM "$stage_pid" || true  # one that came in between
    await "$stage_pid"
    local stage_code=$code
    stage_pid=""
    await "$tee_pid"
    ((stops == 0 || stage_code <= 128)) || stage_code=130  # a stage that was not listening yet dies of the signal
    if ((stage_code != 0)); then
        tell "" "stage $number stopped with exit code $stage_code; its log: $log" "go on with: $(way_on "$number")"
        exit "$stage_code"
    fi
    stop_between "$number"
    # A stage that was done already says one line; no need to keep a log of that.
    if [[ $(tail -n +2 "$log" | grep -cv "^$number[ A-Za-z0-9_-]*: already done") == 0 ]]; then rm -f "$log"; fi
}

stop_between() {  # a stop that was asked for too late for this stage
    ((stops == 0)) && return
    local next=$((10#$1 + 1))
    ((next < ${#stages[@]})) && [[ -z $only ]] || next=$((10#$1))
    tell "" "stopped on request after stage $1" "go on with: $(way_on "0$next")"
    exit 130
}

for script in "${stages[@]}"; do
    number=${script:0:2}
    [[ -n "$only" && "$number" != "$only" ]] && continue
    [[ "$number" < "$from" ]] && continue
    run_stage "$script"
done

if [[ $mode == status && -z $variant && -z $only ]]; then
    mapfile -t others < <("$python" "$project/scripts/show.py" variants --kept --profile "$profile" --workdir "$workdir")
    for variant in "${others[@]}"; do
        extra=() belongs=()
        plan_variant || continue  # it said what is wrong with this one; the others are asked all the same
        for script in "${stages[@]}"; do
            [[ ${belongs[${script:0:2}]} != own ]] || run_stage "$script"
        done
    done
fi

if [[ $mode == run && -z "$only" ]]; then
    "$python" "$project/scripts/show.py" report --profile "$profile" --workdir "$workdir"
    "$python" "$project/scripts/show.py" summary --profile "$profile" --workdir "$workdir"
fi
((stops == 0)) || exit 130
