"""ONNX Runtime beside tract: `command = ["python3", "onnxruntime_engine.py"]` in a study's [[engine]].

Needs onnxruntime and numpy. Inputs and outputs are bound beforehand, so that a timed inference is one call
of the session without copies; that call from Python takes a few microseconds more than one from C.
"""
import argparse

import numpy as np
import onnxruntime

from engine_protocol import serve

LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--optimization", choices=LEVELS, default="all")
    parser.add_argument("--provider", default="CPUExecutionProvider")
    parser.add_argument("--spin", action="store_true", help="let idle threads spin, as ONNX Runtime does by default")
    return parser.parse_args()


def loader(options):
    def load(request, _arrays):
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = request["threads"]
        session_options.inter_op_num_threads = 1
        session_options.graph_optimization_level = LEVELS[options.optimization]
        # Threads that spin while tract has its turn would take its processor away.
        session_options.add_session_config_entry("session.intra_op.allow_spinning", "1" if options.spin else "0")
        for name, size in request["dims"].items():
            session_options.add_free_dimension_override_by_name(name, size)
        session = onnxruntime.InferenceSession(request["model"], session_options, providers=[options.provider])
        names = [output.name for output in session.get_outputs()]

        def prepare(arrays):
            binding = session.io_binding()
            for entry in session.get_inputs():
                array = arrays[entry.name].astype(TYPES[entry.type])
                binding.bind_ortvalue_input(entry.name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
            for name in names:
                binding.bind_output(name)
            return binding

        class Outputs:
            """Outputs of one inference, which are copied only when somebody looks at them."""

            def __init__(self, binding):
                self.binding = binding

            def __iter__(self):
                return iter(self.binding.copy_outputs_to_cpu())

        def infer(binding):
            session.run_with_iobinding(binding)
            return Outputs(binding)

        return prepare, infer

    return load


def main():
    options = arguments()
    said = [f"optimization={options.optimization}", f"provider={options.provider}"]
    said.append("spin" if options.spin else "no spin")
    serve("onnxruntime", onnxruntime.__version__, "; ".join(said), loader(options))


main()
