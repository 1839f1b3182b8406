"""Writes models that obey the ONNX specification and models that break it, and what onnx.checker and
ONNX Runtime say of them.
Usage: models.py FOLDER    networks are FOLDER/*.onnx; gives FOLDER/judged/*.onnx and verdicts.json"""
import json
import pathlib
import random
import re
import sys

import numpy
import onnx
import onnxruntime
from onnx import AttributeProto, TensorProto, defs, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
draw = random.Random(11)
OPSETS = range(7, 23)
IR_OF_OPSET = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10}


def type_of(spelled):
    """The type of a schema's words: tensor(float), seq(tensor(float))."""
    kind, inner = re.fullmatch(r"(\w+)\((.*)\)", spelled).groups()
    if kind == "tensor":
        return helper.make_tensor_type_proto(TensorProto.DataType.Value(inner.upper()), ["n"])
    if kind == "seq":
        return helper.make_sequence_type_proto(type_of(inner))
    if kind == "optional":
        return helper.make_optional_type_proto(type_of(inner))
    key, value = inner.split(", ")
    value = type_of(f"tensor({value})")
    return helper.make_map_type_proto(TensorProto.DataType.Value(key.upper()), value)


def value_of(kind):
    """An attribute's value, of the type that its schema says."""
    types = defs.OpSchema.AttrType
    values = {
        types.INT: 1, types.FLOAT: 0.5, types.STRING: "NOTSET", types.INTS: [1, 1], types.FLOATS: [0.5],
        types.STRINGS: ["Tanh"], types.TENSOR: helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0]),
        types.TYPE_PROTO: type_of("tensor(float)"),
    }
    return values.get(kind)


def single(schema, opset):
    """A model of one node of an operator; None where its attributes are beyond this writer."""
    chosen = {}
    for constraint in schema.type_constraints:
        allowed = sorted(constraint.allowed_type_strs)
        dense = [t for t in allowed if t.startswith("tensor(")]
        chosen[constraint.type_param_str] = draw.choice(dense or allowed)
    spelled = lambda formal: chosen.get(formal.type_str, formal.type_str)
    attributes = {}
    for name, attribute in sorted(schema.attributes.items()):
        # Types in attributes say what outputs are, more of Constant's would contradict each other.
        skipped = "type" in name or name == "precision" or schema.name == "Constant"
        if attribute.required or (not skipped and draw.random() < 0.5):
            attributes[name] = value_of(attribute.type)
            if attributes[name] is None:
                return None
    if schema.name == "Constant":
        attributes = {"value": value_of(defs.OpSchema.AttrType.TENSOR)}
    parameter = defs.OpSchema.FormalParameterOption
    inputs, infos = [], []
    for formal in schema.inputs:
        repeats = draw.randint(max(1, formal.min_arity), 3) if formal.option == parameter.Variadic else 1
        for _ in range(repeats):
            if formal.option == parameter.Optional and draw.random() < 0.4:
                inputs.append("")
                continue
            inputs.append(f"x{len(inputs)}")
            infos.append(helper.make_value_info(inputs[-1], type_of(spelled(formal))))
    while inputs and not inputs[-1] and draw.random() < 0.7:
        inputs.pop()
    outputs, given = [], []
    for formal in schema.outputs[: max(schema.min_output, draw.randint(1, max(1, len(schema.outputs))))]:
        outputs.append(f"y{len(outputs)}")
        given.append(helper.make_value_info(outputs[-1], type_of(spelled(formal))))
    node = helper.make_node(schema.name, inputs, outputs, "node", domain=schema.domain, **attributes)
    graph = helper.make_graph([node], "single", infos, given)
    imports = [helper.make_opsetid("", opset)]
    if schema.domain:
        imports = [helper.make_opsetid("", 17), helper.make_opsetid(schema.domain, opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    # What the output is, the operator's own inference knows better than a drawn variable.
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for output in bare.graph.output:
        output.ClearField("type")
    try:
        inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True)
    except onnx.shape_inference.InferenceError:
        return model
    for output, known in zip(model.graph.output, inferred.graph.output):
        kinds = known.type.tensor_type.elem_type
        if kinds:
            output.type.tensor_type.elem_type = kinds
    return model


def singles():
    schemas = [s for s in defs.get_all_schemas_with_history() if s.domain in ("", "ai.onnx.ml")]
    for schema in sorted(schemas, key=lambda s: (s.domain, s.name, s.since_version)):
        versions = OPSETS if not schema.domain else range(1, 6)
        same = [v for v in versions if v >= schema.since_version and not schema.deprecated and
                defs.get_schema(schema.name, v, schema.domain).since_version == schema.since_version]
        if same:
            made = single(schema, draw.choice(same))
            if made:
                yield f"{schema.name}-{schema.since_version}", made


def bodies():
    """Control flow: bodies that read tensors around them."""
    info = lambda name, kind=TensorProto.FLOAT: helper.make_tensor_value_info(name, kind, [4])
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    for opset in (11, 13, 16, 19, 21):
        for inside in ("y", "outer"):
            branch = lambda op, out: helper.make_graph(
                [helper.make_node(op, ["outer" if inside == "outer" else "x"], [out], f"{op}/n")], op, [], [info(out)])
            nodes = [helper.make_node("Abs", ["x"], ["outer"], "abs"),
                     helper.make_node("If", ["c"], ["y"], "if", then_branch=branch("Relu", "a"), else_branch=branch("Neg", "b"))]
            graph = helper.make_graph(nodes, "if", [info("x"), scalar("c", TensorProto.BOOL)], [info("y")])
            yield f"If-{opset}-{inside}", graph, opset
        body = helper.make_graph(
            [helper.make_node("Add", ["v", "x"], ["w"], "add"), helper.make_node("Identity", ["k"], ["l"], "go"),
             helper.make_node("Relu", ["w"], ["s"], "scan")], "body",
            [scalar("i", TensorProto.INT64), scalar("k", TensorProto.BOOL), info("v")],
            [scalar("l", TensorProto.BOOL), info("w"), info("s")])
        loop = helper.make_node("Loop", ["m", "c", "x"], ["y", "z"], "loop", body=body)
        stacked = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["t", 4])
        inputs = [info("x"), scalar("m", TensorProto.INT64), scalar("c", TensorProto.BOOL)]
        yield f"Loop-{opset}", helper.make_graph([loop], "loop", inputs, [info("y"), stacked]), opset


def any_node(model, fits=lambda node: True):
    fitting = [node for node in model.graph.node if fits(node)]
    return draw.choice(fitting) if fitting else None


def with_node(change, fits=lambda node: True):
    def mutate(model):
        node = any_node(model, fits)
        return node is not None and change(model, node) is not False
    return mutate


def retyped(tensor, kind):
    array = numpy_helper.to_array(tensor).astype(kind)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def initializer_type(model):
    floats = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT]
    return bool(floats) and retyped(draw.choice(floats), draw.choice(["float64", "int64", "float16"])) is None


def integer_type(model):
    integers = [t for t in model.graph.initializer if t.data_type == TensorProto.INT64]
    return bool(integers) and retyped(draw.choice(integers), draw.choice(["float32", "int32"])) is None


def input_type(model):
    tensors = [i for i in model.graph.input if i.type.HasField("tensor_type")]
    if not tensors:
        return False
    draw.choice(tensors).type.tensor_type.elem_type = draw.choice([1, 2, 3, 6, 7, 8, 9, 10, 11, 16])


def output_type(model):
    tensors = [o for o in model.graph.output if o.type.HasField("tensor_type")]
    if not tensors:
        return False
    draw.choice(tensors).type.tensor_type.elem_type = TensorProto.COMPLEX64


def wrong_opset(model):
    model.opset_import[draw.randrange(len(model.opset_import))].version = draw.choice(OPSETS)


def extra_attribute(model, node):
    node.attribute.append(helper.make_attribute("no_such_attribute", 1))


def later_attribute(model, node):
    node.attribute.append(helper.make_attribute(draw.choice(["axis", "axes", "noop_with_empty_axes", "allowzero", "saturate"]), 1))


def attribute_type(model, node):
    attribute = draw.choice(node.attribute)
    other = helper.make_attribute(attribute.name, draw.choice([1, 0.5, "text", [1, 2], [0.5]]))
    if other.type == attribute.type:
        return False
    attribute.CopyFrom(other)


def contradictory_attribute(model, node):
    attribute = draw.choice(node.attribute)
    attribute.type = draw.choice([t for t in (1, 2, 3, 6, 7) if t != attribute.type])


def duplicate_output(model, node):
    others = [n for n in model.graph.node if n.output and n.output[0] and n.output[0] != node.output[0]]
    if not others:
        node.output[0] = model.graph.input[0].name if model.graph.input else node.output[0]
        return bool(model.graph.input)
    node.output[0] = draw.choice(others).output[0]


def swapped(model):
    count = len(model.graph.node)
    if count < 2:
        return False
    i, j = draw.sample(range(count), 2)
    a, b = onnx.NodeProto(), onnx.NodeProto()
    a.CopyFrom(model.graph.node[i])
    b.CopyFrom(model.graph.node[j])
    model.graph.node[i].CopyFrom(b)
    model.graph.node[j].CopyFrom(a)


def duplicate_name(model):
    if len(model.graph.node) < 2:
        return False
    a, b = draw.sample(list(model.graph.node), 2)
    a.name = b.name = "same"


def same_initializer(model):
    if not model.graph.initializer:
        return False
    model.graph.initializer.append(draw.choice(model.graph.initializer))


def short_data(model):
    raw = [t for t in model.graph.initializer if len(t.raw_data) > 1]
    if not raw:
        return False
    tensor = draw.choice(raw)
    tensor.raw_data = tensor.raw_data[:-1]


def lost_initializer(model):
    if not model.graph.initializer:
        return False
    del model.graph.initializer[draw.randrange(len(model.graph.initializer))]


def body_output(model, node):
    """A body gives a name that the graph around it has."""
    bodies = [a.g for a in node.attribute if a.type == AttributeProto.GRAPH]
    body = draw.choice(bodies)
    body.node[0].output[0] = body.output[-1].name = "x"


def body_reads_nothing(model, node):
    body = draw.choice([a.g for a in node.attribute if a.type == AttributeProto.GRAPH])
    body.node[0].input[0] = "nowhere"


def extra_body_output(model, node):
    body = draw.choice([a.g for a in node.attribute if a.type == AttributeProto.GRAPH])
    body.output.append(body.output[0])


has_attributes = lambda node: len(node.attribute) > 0
has_body = lambda node: any(a.type == AttributeProto.GRAPH for a in node.attribute)
MUTATIONS = {
    "drop attribute": with_node(lambda m, n: n.attribute.pop(draw.randrange(len(n.attribute))) and None, has_attributes),
    "unknown attribute": with_node(extra_attribute),
    "later attribute": with_node(later_attribute),
    "duplicate attribute": with_node(lambda m, n: n.attribute.append(draw.choice(n.attribute)), has_attributes),
    "attribute type": with_node(attribute_type, has_attributes),
    "contradictory attribute": with_node(contradictory_attribute, has_attributes),
    "wrong opset": wrong_opset,
    "duplicate node name": duplicate_name,
    "duplicate tensor": with_node(duplicate_output, lambda n: n.output),
    "swapped nodes": swapped,
    "extra input": with_node(lambda m, n: n.input.append(n.input[0]), lambda n: n.input and n.input[0]),
    "dropped input": with_node(lambda m, n: n.input.pop() and None, lambda n: n.input),
    "omitted input": with_node(lambda m, n: n.input.__setitem__(draw.randrange(len(n.input)), ""), lambda n: n.input),
    "missing input": with_node(lambda m, n: n.input.__setitem__(0, "nowhere"), lambda n: n.input),
    "extra output": with_node(lambda m, n: n.output.append("extra")),
    "no output": with_node(lambda m, n: n.output.pop() and None, lambda n: n.output),
    "initializer type": initializer_type,
    "integer type": integer_type,
    "input type": input_type,
    "output type": output_type,
    "IR 3": lambda m: setattr(m, "ir_version", 3) or bool(m.graph.initializer),
    "no IR version": lambda m: m.ClearField("ir_version"),
    "no imports": lambda m: m.ClearField("opset_import"),
    "lost initializer": lost_initializer,
    "same initializer": same_initializer,
    "short data": short_data,
    "unknown operator": with_node(lambda m, n: setattr(n, "op_type", "NoSuchOperator")),
    "unimported domain": with_node(lambda m, n: setattr(n, "domain", "somewhere")),
    "undefined output": lambda m: setattr(m.graph.output[0], "name", "nowhere"),
    "untyped output": lambda m: m.graph.output[0].ClearField("type"),
    "body gives outer name": with_node(body_output, has_body),
    "body reads nothing": with_node(body_reads_nothing, has_body),
    "body gives too much": with_node(extra_body_output, has_body),
}


def checker(model):
    try:
        onnx.checker.check_model(model)
    except Exception as refusal:
        return str(refusal).strip().splitlines()[0] or "refused"


def runtime(model):
    """None where ONNX Runtime loads the model as it is."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as refusal:
        return str(refusal).strip().splitlines()[0] or "refused"


judged = folder / "judged"
judged.mkdir()
verdicts = []


def judge(name, mutation, model):
    file = judged / f"{len(verdicts)}.onnx"
    file.write_bytes(model.SerializeToString())
    verdicts.append({"file": file.name, "model": name, "mutation": mutation, "checker": checker(model), "runtime": runtime(model)})


def mutants(name, model, count):
    for mutation in draw.sample(sorted(MUTATIONS), count):
        mutant = onnx.ModelProto()
        mutant.CopyFrom(model)
        if MUTATIONS[mutation](mutant) is not False:
            judge(name, mutation, mutant)


for network in sorted(folder.glob("*.onnx")):
    model = onnx.load(network)
    judge(network.stem, None, model)
    mutants(network.stem, model, len(MUTATIONS))
    opset = draw.choice(OPSETS)
    try:
        converted = onnx.version_converter.convert_version(model, opset)
    except Exception:
        continue
    judge(f"{network.stem} at {opset}", None, converted)
    mutants(f"{network.stem} at {opset}", converted, len(MUTATIONS) // 3)
for name, model in singles():
    judge(name, None, model)
    mutants(name, model, 6)
for name, graph, opset in bodies():
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_OF_OPSET[opset])
    judge(name, None, model)
    mutants(name, model, len(MUTATIONS))
(folder / "verdicts.json").write_text(json.dumps(verdicts))
