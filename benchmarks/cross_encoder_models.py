"""The weights that all rerankers of `benchmarks.cross_encoders` run, in the folder layout that each of them loads.

No model hub is needed: the exports are the peers' own functions on a local folder, FlashRank's is a folder under a name
that it knows, and OpenVINO's static quantisation is calibrated on the benchmark's own passages.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.models import QUERY, write_model
from connector.models.folders import bundled_encoder

LENGTHS = {"short": (5, 30), "mixed": (20, 250), "long": (200, 400)}
FLASHRANK = {
    "fp32": ("ms-marco-TinyBERT-L-2-v2", "flashrank-TinyBERT-L-2-v2.onnx", "onnx/model.onnx"),
    "int8": ("ms-marco-MiniLM-L-12-v2", "flashrank-MiniLM-L-12-v2_Q.onnx", "onnx/model_quint8_avx2.onnx"),
}
"""FlashRank knows models by fixed names and files; these are the names under which it loads our weights, by kind."""
_CALIBRATED_ON, _CONFIG = 100, "default"
_TOKENS = 512
_EXPORT_S = 600
_MADE = "made.json"
_EXPORTS = {
    "onnx/model.onnx": """
from sentence_transformers import CrossEncoder
CrossEncoder(folder, device="cpu", backend="onnx", local_files_only=True).save_pretrained(folder)
""",
    "onnx/model_quint8_avx2.onnx": """
from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model
model = CrossEncoder(folder, device="cpu", backend="onnx", local_files_only=True)
export_dynamic_quantized_onnx_model(model, "avx2", folder)
""",
    "openvino/openvino_model.xml": """
from sentence_transformers import CrossEncoder
CrossEncoder(folder, device="cpu", backend="openvino", local_files_only=True).save_pretrained(folder)
""",
    "openvino/openvino_model_qint8_quantized.xml": f"""
from optimum.intel import OVQuantizationConfig
from sentence_transformers import CrossEncoder, export_static_quantized_openvino_model
model = CrossEncoder(folder, device="cpu", backend="openvino", local_files_only=True)
config = OVQuantizationConfig(num_samples={_CALIBRATED_ON})
export_static_quantized_openvino_model(
    model, config, folder, dataset_name=folder + "/calibration", dataset_config_name="{_CONFIG}",
    dataset_split="train", column_name="text",
)
""",
}


def passages_of(kind: str, count: int) -> list[str]:
    """Return passages of random words, the same each time."""
    words = Path(bundled_encoder().folder, "vocab.txt").read_text(encoding="utf-8").split()
    plain = [word for word in words if word.isascii() and word.isalpha() and len(word) > 2]
    chance = random.Random(7)
    fewest, most = LENGTHS[kind]
    return [" ".join(chance.choices(plain, k=chance.randint(fewest, most))) for _ in range(count)]


def plain_model(work: Path, peers: str | None) -> tuple[Path, Mapping[str, str]]:
    """Return the folder of the weights, exported as peers do, and the error of each failed export by its file.

    Finished exports stay in the work folder; failed ones are tried again.

    Args:
        work: the work folder.
        peers: the interpreter of the environment in which the peers are installed.
    """
    folder = work / "cross-encoder"
    if not (folder / _MADE).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        write_model(folder)
        _read_up_to(_TOKENS, folder)
        _add_calibration(folder)
        (folder / _MADE).write_text("[]\n", encoding="utf-8")
    failed = {}
    for file, script in _EXPORTS.items() if peers else ():
        if file not in json.loads((folder / _MADE).read_text(encoding="utf-8")):
            error = _run(str(peers), script, folder)
            if error:
                failed[file] = error
            else:
                made = json.loads((folder / _MADE).read_text(encoding="utf-8"))
                (folder / _MADE).write_text(json.dumps([*made, file]) + "\n", encoding="utf-8")
    for kind, (name, target, source) in FLASHRANK.items():
        if source not in failed and peers:
            _lay_out_for_flashrank(folder, work / "flashrank" / kind / name, source, target)
    return folder, failed


def _run(python: str, script: str, folder: Path) -> str:
    """Run an export; if it failed, return the last line it printed."""
    command = [python, "-c", f"import sys\nfolder = sys.argv[1]\n{script}", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_EXPORT_S)
    except subprocess.TimeoutExpired:
        return f"its export took longer than {_EXPORT_S} s"
    lines = done.stderr.strip().splitlines() or ["it ended without a word"]
    return lines[-1] if done.returncode else ""


def _read_up_to(tokens: int, folder: Path) -> None:
    """Let all peers read equally much of a passage: the bi-encoder's own tokenizer limits it to less, and some obey."""
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    limits = {"max_length": tokens, "model_max_length": tokens}
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, **limits}, indent=2), encoding="utf-8")
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    whole = json.dumps({**tokenizer, "truncation": None, "padding": None})
    (folder / "tokenizer.json").write_text(whole, encoding="utf-8")


def _add_calibration(folder: Path) -> None:
    (folder / "calibration").mkdir()
    rows = [json.dumps({"text": f"{QUERY} {passage}"}) for passage in passages_of("mixed", _CALIBRATED_ON)]
    (folder / "calibration" / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _lay_out_for_flashrank(folder: Path, target: Path, source: str, name: str) -> None:
    if (target / name).is_file():
        return
    target.mkdir(parents=True, exist_ok=True)
    for each in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / each, target / each)
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (target / "special_tokens_map.json").write_text(json.dumps({**special, "mask_token": "[MASK]"}), encoding="utf-8")
    shutil.copy(folder / source, target / name)
