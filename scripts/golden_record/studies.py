"""The studies that are recorded: model, samples and task, and variants that exercise every step."""

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples/digits"
ZOO = ROOT / "../shared/data/zoo"
TINY = ROOT / "../shared/data/mlperf-tiny"

QUICK = """
[protocol]
probes = 0
"""

REFINED = (
    'quantize = "int8", calibration = "auto", per = "channel", equalize = true, correct = true, round = "gptq"'
)

# Name of a variant, its steps, and further keys. Steps that docs list and that a model does not
# allow end in a refusal, which is recorded like a success.
CHANNELS = [
    ("l1", 'prune = "channels", ratio = 0.25', ""),
    ("statistics", 'prune = "channels", ratio = 0.25, criterion = "activation", recover = "statistics"', ""),
    ("mean", 'prune = "channels", ratio = 0.25, criterion = "wanda", recover = "mean"', ""),
    ("random", 'prune = "channels", count = 2, criterion = "random"', ""),
    ("sensitivity", 'prune = "channels", macs = 0.8, criterion = "l2", allocate = "sensitivity", multiple = 2', ""),
    ("score", 'prune = "channels", score = 0.3, criterion = "l1"', ""),
    ("protect", 'prune = "channels", ratio = 0.5, layers = "res*", protect = ["res2*"]', ""),
]
LEAST_SQUARES = [
    ("obs", 'prune = "channels", ratio = 0.25, criterion = "obs", recover = "least-squares"', ""),
]
LOSSY = [("lossy", 'prune = "channels", ratio = 0.25, lossy = true', "")]
HEADS = [
    ("heads-{recover}", 'prune = "heads", ratio = 0.5, criterion = "l2", recover = ["none", "least-squares"]', ""),
    ("heads-obs", 'prune = "heads", count = 1, criterion = "obs", recover = "mean"', ""),
]
WEIGHTS = [
    ("weights-l1", 'prune = "weights", ratio = 0.5', ""),
    ("weights-obs", 'prune = "weights", ratio = 0.3, criterion = "obs", recover = "least-squares"', ""),
    ("two-of-four", 'prune = "weights", pattern = "2:4", criterion = "wanda"', ""),
]
BYPASSES = [
    ("layers", 'prune = "layers", count = 1, criterion = "activation"', ""),
    ("blocks", 'prune = "blocks", count = 1, criterion = "l2"', ""),
]
FORMATS = [
    ("int8", 'quantize = "int8"', ""),
    ("int8-dynamic", 'quantize = "int8-dynamic", per = "channel"', ""),
    ("int8-weights", 'quantize = "int8-weights", per = "channel"', ""),
    ("int4-weights", 'quantize = "int4-weights"', ""),
    ("f16", 'quantize = "f16"', ""),
]
REFINEMENTS = [
    ("int8-{calibration}", 'quantize = "int8", calibration = ["percentile", "entropy", "mse"]', ""),
    ("int8-refined", REFINED, ""),
    ("int8-qdq", 'quantize = "int8", form = "qdq", per = "channel"', ""),
    ("int8-depthwise", 'quantize = "int8", depthwise = true, protect = ["head"]', ""),
    ("int8-some", 'quantize = "int8", layers = "res*"', ""),
    ("gptq-weights", 'quantize = "int8-weights", round = "gptq"', ""),
]
ENGINE = [
    ("layout", "", 'engine = ["conv_nhwc", "vzeroupper"]'),
    ("without-isa", "", 'without_isa = ["avx512f"]'),
]
PARENTS = [
    ("l1-sparse", 'prune = "weights", ratio = 0.25', 'from = "l1"'),
    ("l1-sparse-int8", 'quantize = "int8", per = "channel"', 'from = "l1-sparse"'),
]
MEASURED = [
    ("latency", 'prune = "channels", latency = 0.8, criterion = "l2"', ""),
    ("measured-latency", 'quantize = "int8", layers = "measured"', ""),
    ("tuned", "tune = true", ""),
    ("tuned-pruned", 'prune = "channels", ratio = 0.25', 'from = "tuned"'),
]
BY_BYTES = [("measured-bytes", 'quantize = "int8", layers = "measured", by = "bytes"', "")]
FORECAST = [("two-steps", 'prune = "channels", ratio = 0.25 }, { quantize = "int8"', "")]
IMPORTS = [
    ("theirs-pruned", "", 'import = "pruned.onnx"'),
    ("theirs-int8", "", 'import = "int8.onnx"'),
    ("theirs-int8-sparse", 'prune = "weights", ratio = 0.25', 'from = "theirs-pruned"'),
]
SMALL = CHANNELS[:3] + WEIGHTS[:1] + BYPASSES + FORMATS + PARENTS


@dataclass(frozen=True)
class Study:
    """One study, the verb that makes it, and what is done with its run afterwards."""

    name: str
    model: Path
    variants: list = field(default_factory=list)
    data: Path | None = None
    """Samples; made by the script where there are none."""
    labels: tuple | None = None
    """What made samples are labelled with."""
    samples: int = 32
    task: str = ""
    splits: str = "{ calibrate = 0.25, select = 0.25, report = 0.5, seed = 7 }"
    extra: str = ""
    """Further lines under `[data]`."""
    sections: str = QUICK
    text: str = ""
    """The whole study, where it is not put together from the above."""
    timed: bool = False
    """`paring run --quick` instead of `paring compress --evaluate`."""
    explain: tuple | None = None
    frozen: bool = False
    """Steps go by measured times, so tables of times are taken from the record."""
    forecast: bool = False
    """Decisions carry forecasts of times."""
    after: str | None = None
    """The study whose variants are imported."""

    def is_available(self):
        """Tells if model and samples are on this machine."""
        return self.model.exists() and (self.data is None or self.data.exists())

    def toml(self):
        """Text of the study file."""
        if self.text:
            return self.text
        head = f"""[study]
name = "{self.name}"
owner = "golden record"
[model]
path = "{self.model.name}"
[task]
{self.task or 'kind = "classification"'}
[data]
path = "{self.data.name if self.data else 'samples.npz'}"
splits = {self.splits}
{self.extra}
"""
        return head + self.sections + "".join(map(variant_toml, self.variants))


def variant_toml(variant):
    """A `[[variant]]` of a study."""
    name, steps, keys = variant
    steps = f"steps = [{{ {steps} }}]\n" if steps else ""
    return f'[[variant]]\nname = "{name}"\n{keys}\n{steps}'


def example_toml():
    """The shipped study with a shorter protocol, and without the variants that measurements decide: nothing
    is recorded of how long anything takes."""
    first, *variants = (DIGITS / "study.toml").read_text().split("[[variant]]\n")
    *variants, last = variants
    if "tune = true" in last or '"measured"' in last:
        raise ValueError("the last variant of examples/digits/study.toml is decided by measurements")
    kept = [own for own in variants if "tune = true" not in own and '"measured"' not in own]
    text = "[[variant]]\n".join([first, *kept, last])
    short = "blocks = 10\nsolo_ms = 20\npaired_ms = 20\nprobes = 0\n"
    if "blocks = 10\n" not in text:
        raise ValueError("examples/digits/study.toml has another [protocol] than this script expects")
    return text.replace("blocks = 10\n", short)


def digits(name, variants, model="digits_cnn.onnx", **more):
    """A study of one of the shipped models and the shipped samples."""
    more = {"task": 'kind = "classification"\nmetric = "accuracy"'} | more
    return Study(name, DIGITS / model, variants, data=DIGITS / "digits.npz", **more)


def zoo(name, variants, task="", **more):
    """A study of a model with random weights and made samples; outputs are logits."""
    task = task or 'kind = "classification"\nscores = "logits"'
    return Study(name, ZOO / f"{name}.onnx", variants, task=task, **more)


LABELLED = 'slices = ["third"]\ngroup = "speaker"'
# Experiments end the work, never the time.
EXPLAIN = ("--minutes", "60", "--replicates", "2", "--csv")

STUDIES = [
    digits(
        "digits_example",
        [],
        text=example_toml(),
        timed=True,
        explain=(*EXPLAIN, "--variant", "magnitude-0.25", "--variant", "int8", "--groups", "3", "--experiments", "40"),
    ),
    digits(
        "digits_transformer",
        HEADS + LOSSY + FORMATS[:1] + [("heads-int8", 'quantize = "int8"', 'from = "heads-none"')],
        "digits_transformer.onnx",
        timed=True,
        sections=QUICK + "[robustness]\nnoise = [0.1]\nquantized = [4]\n",
        explain=(*EXPLAIN, "--variant", "heads-int8", "--level", "step", "--experiments", "12"),
    ),
    digits("digits_channels", CHANNELS + BYPASSES + WEIGHTS + PARENTS + ENGINE),
    digits("digits_formats", FORMATS[:4] + REFINEMENTS),
    digits(
        "digits_attention",
        CHANNELS[:3] + WEIGHTS[:2] + BYPASSES + FORMATS[1:] + REFINEMENTS[1:3],
        "digits_transformer.onnx",
    ),
    digits("digits_measured", MEASURED, frozen=True),
    digits("digits_bytes", BY_BYTES),
    digits("digits_forecast", FORECAST, forecast=True, sections="[protocol]\nprobes = 3\n"),
    digits("digits_imported", IMPORTS, after="digits_example"),
    Study(
        "kws_dscnn_f32",
        TINY / "kws_dscnn_f32.onnx",
        CHANNELS[:2] + LEAST_SQUARES + FORMATS[:3] + PARENTS,
        data=TINY / "kws_dev.npz",
        task='kind = "classification"\nmetric = "f1_macro"\nmetrics = ["top_3"]',
    ),
    Study("resnet8_f32", TINY / "resnet8_f32.onnx", SMALL, labels=("class", 10), extra=LABELLED),
    zoo("resnet18_w16_ts", SMALL, labels=("class", 10), extra=LABELLED),
    zoo("mobilenet_v2_w25_ts", SMALL),
    zoo("vit_tiny_ts", HEADS + SMALL, 'kind = "multilabel"\nscores = "logits"', labels=("marks", 10, 2)),
    zoo("bert_tiny_dynamo", HEADS + SMALL, labels=("class", 3), extra=LABELLED),
    zoo("unet_tiny_dynamo", SMALL, 'kind = "segmentation"\nscores = "logits"', labels=("marks", 32, 32, 2)),
    zoo("shufflenet_v2_ts", SMALL),
    zoo("lstm_tiny_ts", SMALL, 'kind = "regression"', labels=("targets", 5)),
    zoo("llama_tiny_gqa_dynamo", HEADS + SMALL, 'kind = "sequence"\nscores = "logits"', labels=("marks", 16, 128)),
]

FIRST = ("digits_example", "digits_transformer", "digits_bytes")
"""Studies whose runs the verbs and command lines are tried on, and whose variants are imported."""
