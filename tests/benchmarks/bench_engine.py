"""Tokens per second of the batching engine against its rivals, in one run, on the same model, prompts and token counts.

    python tests/benchmarks/bench_engine.py --model models/smollm2-135m-instruct-q8_0.gguf --threads 2 \\
        --xllamacpp-python ~/xl/bin/python --batched-bench ~/llama.cpp/build/bin/llama-batched-bench

Contestants: the one-at-a-time loop over `llama_cpp.Llama`; the engine at several numbers of sequences, with split
caches and (at --rival-sequences) a unified one; the xllamacpp server (llama.cpp's own continuous batching) with as
many slots; and the bound for either cache, llama.cpp's batched bench, which decodes without prompts to wait for,
samplers or texts.
The last two are left out, with a message, where they are not installed.

Each contestant runs in a process of its own. In every round all of them take their turn, since a machine's speed
drifts; ratios are taken within a round, and the median over rounds is reported. Every completion has exactly --tokens
tokens: the end of a turn is ignored.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
QUESTIONS = PROJECT / "data" / "sample" / "questions.json"
INSTRUCTION = (
    "You are a careful expert. Read the question and its four options. Think step by step: go through the options one "
    "by one, say of each why it is right or wrong, then conclude with a line that has the form 'Answer: X', where X "
    "is the letter of the right option. Use fewer than 100 words."
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=Path, help="GGUF file")
    parser.add_argument("--requests", type=int, default=64, help="prompts, each different (default 64)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens generated for each (default 32)")
    parser.add_argument("--sequences", default="1,4,8,16,32,64", help="of the engine (default 1,4,8,16,32,64)")
    parser.add_argument("--rival-sequences", type=int, default=16, help="slots of the rivals (default 16)")
    parser.add_argument("--context", type=int, default=512, help="tokens a sequence (default 512)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gpu-layers", type=int, default=0, help="layers on the GPU, -1 for all (default 0)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--xllamacpp-python", default=sys.executable, help="an interpreter that has xllamacpp")
    parser.add_argument("--batched-bench", type=Path, help="llama.cpp's llama-batched-bench binary")
    parser.add_argument("--lock", type=Path, help="file to hold locked during each round, on a shared machine")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser


# -- contestants, each in its own process -----------------------------------------------------------------------------


def prompts(count: int) -> list[str]:
    """ChatML prompts of the sample's questions: the same text for every contestant."""
    records = json.loads(QUESTIONS.read_text())
    texts = []
    for number in range(count):
        record = records[number % len(records)]
        options = "\n".join(f"{letter}. {text}" for letter, text in record["choices"].items())
        again = f"({number // len(records) + 1}) " if number >= len(records) else ""
        texts.append(
            f"<|im_start|>system\n{INSTRUCTION}<|im_end|>\n<|im_start|>user\n{again}{record['question']}\n{options}"
            "<|im_end|>\n<|im_start|>assistant\n"
        )
    return texts


def run_naive(args: argparse.Namespace) -> dict[str, float]:
    """The loop everybody writes first. `Llama` keeps the last prompt's common beginning, so that is reused here too."""
    from llama_cpp import Llama

    llama = Llama(
        str(args.model), n_ctx=args.context, n_threads=args.threads, n_threads_batch=args.threads,
        n_gpu_layers=args.gpu_layers, flash_attn=True, verbose=False,
    )
    texts = prompts(args.requests)
    started = time.perf_counter()
    for text in texts:
        ids, written = llama.tokenize(text.encode(), add_bos=False, special=True), []
        for token in llama.generate(ids, temp=0.0, top_k=1):
            written.append(token)
            if len(written) == args.tokens:
                break
        llama.detokenize(written)
    return {"seconds": time.perf_counter() - started}


def run_engine(args: argparse.Namespace, sequences: int, kv: str) -> dict[str, float | None]:
    sys.path.insert(0, str(PROJECT / "scripts"))
    from stepladder.engine.batching import Engine
    from stepladder.engine.requests import Request

    texts = prompts(args.requests)
    with Engine(
        args.model, sequences=sequences, context=args.context, threads=args.threads, kv=kv, gpu_layers=args.gpu_layers
    ) as engine:
        engine._weights.ends_turn = lambda token: False
        started = time.perf_counter()
        done = list(engine.generate(Request(str(n), text, args.tokens) for n, text in enumerate(texts)))
        seconds = time.perf_counter() - started
        stats = engine.stats
    if any(one.tokens != args.tokens for one in done):
        raise SystemExit("a completion has another number of tokens")
    return {
        "seconds": seconds,
        "decode_rate": stats.decode_per_second,
        "prompt_rate": stats.prompt_per_second,
        "prompt_tokens": stats.prompt_tokens,
        "reused_tokens": stats.reused_tokens,
        "model_share": stats.seconds["decode"] / stats.seconds["total"],
        "sample_share": stats.seconds["sample"] / stats.seconds["total"],
        "python_share": stats.python_share,
    }


def run_xllamacpp(args: argparse.Namespace) -> dict[str, float]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(args.model)
    params.n_parallel = args.rival_sequences
    params.n_ctx = args.context * args.rival_sequences
    params.n_gpu_layers = args.gpu_layers
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.verbosity = 0
    server = xllamacpp.Server(params)
    texts = prompts(args.requests)

    def complete(text: str) -> int:
        body = {"prompt": text, "n_predict": args.tokens, "temperature": 0.0, "ignore_eos": True, "cache_prompt": True}
        reply = server.handle_completions(body)
        reply = json.loads(reply) if isinstance(reply, str | bytes) else reply
        return reply["usage"]["completion_tokens"] if "usage" in reply else reply["tokens_predicted"]

    started = time.perf_counter()
    with ThreadPoolExecutor(args.rival_sequences) as pool:
        counts = list(pool.map(complete, texts))
    seconds = time.perf_counter() - started
    if set(counts) != {args.tokens}:
        raise SystemExit(f"completions of {sorted(set(counts))} tokens instead of {args.tokens}")
    return {"seconds": seconds}


def run_batched_bench(args: argparse.Namespace, sequences: int, kv: str) -> dict[str, float]:
    """The bound for a kind of cache: prompts of the same mean length, all decoded in step."""
    prompt_tokens = 127  # the mean of these prompts
    command = [
        str(args.batched_bench), "-m", str(args.model), "-c", str(args.context * sequences), "-b", "512", "-ub", "512",
        "-npp", str(prompt_tokens), "-ntg", str(args.tokens), "-npl", str(sequences), "-t", str(args.threads),
        "-tb", str(args.threads), "-ngl", str(args.gpu_layers), "--output-format", "jsonl",
        "-fa", "on", "-kvu" if kv == "unified" else "-no-kvu",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = next(json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return {"decode_rate": row["speed_tg"], "prompt_rate": row["speed_pp"]}


# -- rounds -----------------------------------------------------------------------------------------------------------


def contestants(args: argparse.Namespace) -> dict[str, Callable[[argparse.Namespace], dict]]:
    everybody: dict[str, Callable[[argparse.Namespace], dict]] = {"naive": run_naive}
    numbers = [int(number) for number in args.sequences.split(",")]
    for number in numbers:
        everybody[f"engine {number}"] = lambda a, n=number: run_engine(a, n, "split")
    rival = args.rival_sequences
    everybody[f"engine {rival} unified"] = lambda a: run_engine(a, rival, "unified")
    everybody[f"xllamacpp {rival}"] = run_xllamacpp
    everybody[f"bound {rival}"] = lambda a: run_batched_bench(a, rival, "split")
    everybody[f"bound {rival} unified"] = lambda a: run_batched_bench(a, rival, "unified")
    return everybody


def available(args: argparse.Namespace, names: list[str]) -> list[str]:
    """The contestants that are installed; says which are not."""
    probe = subprocess.run([args.xllamacpp_python, "-c", "import xllamacpp"], capture_output=True, check=False)
    if probe.returncode:
        print(f"xllamacpp left out: {args.xllamacpp_python} cannot import it (pip install xllamacpp)")
        names = [name for name in names if not name.startswith("xllamacpp")]
    if args.batched_bench is None:
        print("the bound left out: no --batched-bench binary given")
        names = [name for name in names if not name.startswith("bound")]
    return names


@contextmanager
def holding(lock: Path | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def measure(args: argparse.Namespace, name: str) -> dict:
    python = args.xllamacpp_python if name.startswith("xllamacpp") else sys.executable
    command = [python, __file__, *sys.argv[1:], "--worker", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run(args: argparse.Namespace) -> None:
    names = available(args, list(contestants(args)))
    rounds = []
    for number in range(args.rounds):
        with holding(args.lock):
            results = {name: measure(args, name) for name in names}
        rounds.append(results)
        for result in results.values():
            if "seconds" in result:
                result["rate"] = args.requests * args.tokens / result["seconds"]
        print(f"round {number + 1}: " + ", ".join(
            f"{name} {result.get('rate', result.get('decode_rate')):.0f}" for name, result in results.items()
        ), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"arguments": {k: str(v) for k, v in vars(args).items()}, "rounds": rounds}))
    report(args, names, rounds)


def report(args: argparse.Namespace, names: list[str], rounds: list[dict]) -> None:
    def median(name: str, key: str) -> float | None:
        values = [results[name].get(key) for results in rounds]
        return statistics.median(values) if None not in values else None

    def ratio(name: str, key: str, other: str, other_key: str) -> str:
        if other not in names or median(name, key) is None:
            return "-"
        return f"{statistics.median(r[name][key] / r[other][other_key] for r in rounds):.2f}"

    rival = args.rival_sequences
    settings = f"{args.requests} prompts, {args.tokens} tokens each, {args.threads} threads"
    print(f"\n{settings}, median of {args.rounds} rounds")
    print("| contestant | tok/s all-in | x naive | x xllamacpp | decode tok/s | of bound | prefill tok/s | Python |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        cells = [name]
        cells += [f"{median(name, 'rate'):.0f}" if median(name, "rate") else "-"]
        cells += [ratio(name, "rate", "naive", "rate"), ratio(name, "rate", f"xllamacpp {rival}", "rate")]
        cells += [f"{median(name, 'decode_rate'):.0f}" if median(name, "decode_rate") else "-"]
        same = name.startswith(f"engine {rival}")
        cells += [ratio(name, "decode_rate", name.replace("engine", "bound"), "decode_rate") if same else "-"]
        cells += [f"{median(name, 'prompt_rate'):.0f}" if median(name, "prompt_rate") else "-"]
        share = median(name, "python_share")
        cells += ["-" if share is None else f"{100 * share:.1f} %"]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    args = build_parser().parse_args()
    if args.worker:
        print(json.dumps(contestants(args)[args.worker](args)))
    else:
        run(args)


if __name__ == "__main__":
    main()
