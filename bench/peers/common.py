"""What the peers share: the model's shape, memory, and how settings are swept.

Every setting runs in a process of its own, so that memory and warm-up are its own. Each result is
one line of JSON on standard output; everything else goes to standard error.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time

os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_VERBOSITY="error",
    TOKENIZERS_PARALLELISM="false",
    CUDA_VISIBLE_DEVICES="",
    PYTHONWARNINGS="ignore",
)

SHAPE = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
    "rms_norm_eps": 1e-5,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
}
DTYPES = ("float32", "float32-medium", "autocast", "bfloat16")
DTYPE_HELP = (
    "float32; float32-medium: products may run in bfloat16; autocast: float32 weights, "
    "bfloat16 products; bfloat16: all of it"
)


def build_model(folder: str | None, dtype: str):
    """SmolLM2-135M: from a folder, or of its shape with random weights, which cost the same."""
    import torch
    import transformers

    if dtype == "float32-medium":
        torch.set_float32_matmul_precision("medium")
    torch.manual_seed(0)
    kind = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    if folder:
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=kind)
    return transformers.AutoModelForCausalLM.from_config(
        transformers.LlamaConfig(**SHAPE), dtype=kind
    )


class Memory:
    """Peak resident memory, and its anonymous part, which leaves out the pages of mapped libraries.
    Megabytes of 10^6 bytes.
    """

    def __init__(self):
        self.anonymous = 0
        self.before_model = self.resident()
        threading.Thread(target=self.watch, daemon=True).start()

    @staticmethod
    def resident() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

    def watch(self) -> None:
        while os.path.exists("/proc/self/status"):
            with open("/proc/self/status") as file:
                for line in file:
                    if line.startswith("RssAnon"):
                        self.anonymous = max(self.anonymous, int(line.split()[1]) * 1024 / 1e6)
            time.sleep(0.02)

    def report(self) -> dict:
        return {
            "peak_resident_mb": round(self.resident()),
            "peak_anonymous_mb": round(self.anonymous),
            "resident_before_model_mb": round(self.before_model),
        }


def versions(*names: str) -> dict:
    from importlib.metadata import version

    return {name: version(name) for name in names}


def product_rate(dtype: str) -> float:
    """GFLOP/s of a 2048-cubed product in this process."""
    import torch

    kind = torch.float32 if dtype.startswith("float32") else torch.bfloat16
    a, b = torch.randn(2048, 2048).to(kind), torch.randn(2048, 2048).to(kind)
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - began)
    return 2 * 2048**3 / sorted(seconds)[3] / 1e9


def parser(description: str) -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "--model", help="folder of a model; without it, random weights of SmolLM2-135M's shape"
    )
    result.add_argument("--dtype", choices=DTYPES, default="float32", help=DTYPE_HELP)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument(
        "--sweep", action="store_true", help="try the settings named above and report the best one"
    )
    return result


# A setting that takes so many times as long as another one, start and all, is not the best.
SLOWER = 2


def sweep(
    script: str, settings: list[list[str]], *, best_of: str, give_up: bool = False
) -> None:
    """Runs every setting with the arguments given but --sweep; later arguments win. Prints the best
    result with all the others in it. With `give_up` slow settings are stopped, and none of them
    can be the leanest.
    """
    given = [argument for argument in sys.argv[1:] if argument != "--sweep"]
    # These two are set on some machines for the sake of old OpenBLAS builds and slow a current
    # numpy down.
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    }
    results = []
    fastest = None
    for setting in settings:
        began = time.perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, script, *given, *setting],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                timeout=SLOWER * fastest if give_up and fastest else None,
            )
        except subprocess.TimeoutExpired:
            print(
                f"{' '.join(setting)}: given up, {SLOWER} times as long as the fastest",
                file=sys.stderr,
                flush=True,
            )
            continue
        if done.returncode == 0:
            took = time.perf_counter() - began
            fastest = took if fastest is None else min(fastest, took)
        if done.returncode != 0:
            print(
                f"{' '.join(setting)}: failed: {done.stderr.strip().splitlines()[-1:]}",
                file=sys.stderr,
                flush=True,
            )
            continue
        results.append({**json.loads(done.stdout.strip().splitlines()[-1]), "arguments": setting})
        print(
            f"{' '.join(setting)}: {results[-1][best_of]:.2f} {best_of}, "
            f"{results[-1]['peak_resident_mb']} MB",
            file=sys.stderr,
            flush=True,
        )
    if not results:
        sys.exit("no setting ran")
    best = max(results, key=lambda result: result[best_of])
    leanest = min(results, key=lambda result: result["peak_resident_mb"])
    others = [
        {key: result[key] for key in ("settings", best_of, "peak_resident_mb", "peak_anonymous_mb")}
        for result in results
    ]
    print(
        json.dumps(
            {
                **best,
                "leanest": {
                    key: leanest[key]
                    for key in ("settings", best_of, "peak_resident_mb", "peak_anonymous_mb")
                },
                "tried": others,
            }
        )
    )
