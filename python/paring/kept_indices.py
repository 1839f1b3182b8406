"""A variant's pruning, done again to the tensors of the original model: to fine-tune it elsewhere."""

import json
import struct

_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1", "BOOL": "?"}


def apply_kept_indices(model, run, variant):
    """Cuts the tensors of the original model as a variant's were cut.

    ``model`` holds the tensors of the *baseline* under the names of the ONNX file's initializers, which
    exporters take from ``state_dict`` for most layers; it is one of

    - a dict of numpy arrays or torch tensors. Gives a new dict; what is not cut is passed through.
    - an ``onnx.ModelProto``. Gives a new one with initializers cut; shapes that the graph itself states
      (``value_info``, constants of ``Reshape``) stay, so load it into a framework, not into a session.
    - a ``torch.nn.Module``. Its parameters and buffers are replaced in place, and ``in_channels``,
      ``out_channels``, ``groups``, ``in_features``, ``out_features`` and ``num_features`` of the modules that
      hold them are set anew. Gives the module. Shapes that ``forward`` itself states are yours to change.

    ``run`` is what ``load_run`` gave, ``variant`` a name. A tensor of shape ``[c, ...]`` whose axis 0 keeps
    the indices ``k`` becomes one of shape ``[len(k), ...]`` with ``new[i] = old[k[i]]``; several axes are cut
    one after the other; single weights that were pruned are set to zero. Values are those of ``model``:
    recovery and quantization are not repeated.

    Raises ``KeyError`` where the model lacks a tensor that was cut, and ``ValueError`` where its shape is
    not the original's.
    """
    cuts, masks = _cuts(run, variant)
    if hasattr(model, "graph") and hasattr(model.graph, "initializer"):
        return _cut_onnx(model, cuts, masks, variant)
    if hasattr(model, "named_parameters"):
        return _cut_module(model, cuts, masks, variant)
    return _cut_dict(dict(model), cuts, masks, variant)


def read_safetensors(path):
    """The arrays of a safetensors file by name, read-only."""
    import numpy

    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    header.pop("__metadata__", None)

    def array(tensor):
        begin, end = tensor["data_offsets"]
        return numpy.frombuffer(body[begin:end], dtype=_TYPES[tensor["dtype"]]).reshape(tensor["shape"])

    return {name: array(tensor) for name, tensor in header.items()}


def _cuts(run, variant):
    """Kept indices by tensor and axis, and masks by tensor."""
    import numpy

    lineage = run.lineage(variant)
    cuts, masks = {}, {}
    for key, indices in lineage["origins"].items():
        name, axis = key.rsplit("@", 1)
        cuts.setdefault(name, {})[int(axis)] = numpy.asarray(indices, dtype=numpy.int64)
    path = run.folder / "variants" / f"{variant}.kept.safetensors"
    if path.exists():
        for key, array in read_safetensors(path).items():
            name, what = key.rsplit("@", 1)
            if what == "mask":
                masks[name] = array
    return cuts, masks


def _cut(name, tensor, cuts, masks, variant):
    """A tensor (numpy or torch) with its axes cut and its pruned weights zero."""
    is_torch = hasattr(tensor, "index_select")
    for axis, kept in sorted(cuts.get(name, {}).items()):
        if axis >= len(tensor.shape) or (len(kept) and kept.max() >= tensor.shape[axis]):
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}; {variant} keeps indices up to {kept.max()} of axis {axis} of the original"
            )
        if is_torch:
            import torch

            tensor = tensor.index_select(axis, torch.from_numpy(kept.copy()).to(tensor.device))
        else:
            tensor = tensor.take(kept, axis=axis)
    mask = masks.get(name)
    if mask is not None:
        if tuple(mask.shape) != tuple(tensor.shape):
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, the mask of {variant} {tuple(mask.shape)}")
        if is_torch:
            import torch

            tensor = tensor * torch.from_numpy(mask.copy()).to(tensor)
        else:
            tensor = tensor * mask.astype(tensor.dtype)
    return tensor


def _check(names, cuts, masks, variant):
    missing = sorted((set(cuts) | set(masks)) - set(names))
    if missing:
        raise KeyError(
            f"the model has no tensor {missing[0]!r}, which {variant} cuts ({len(missing)} missing); its tensors must have the names of the ONNX file's initializers"
        )


def _cut_dict(tensors, cuts, masks, variant):
    _check(tensors, cuts, masks, variant)
    return {name: _cut(name, tensor, cuts, masks, variant) for name, tensor in tensors.items()}


def _cut_onnx(model, cuts, masks, variant):
    from onnx import numpy_helper

    made = type(model)()
    made.CopyFrom(model)
    _check([own.name for own in made.graph.initializer], cuts, masks, variant)
    for own in made.graph.initializer:
        if own.name in cuts or own.name in masks:
            array = _cut(own.name, numpy_helper.to_array(own), cuts, masks, variant)
            own.CopyFrom(numpy_helper.from_array(array.copy(), own.name))
    return made


def _cut_module(module, cuts, masks, variant):
    import torch

    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    _check(tensors, cuts, masks, variant)
    made = {name: _cut(name, tensors[name].detach(), cuts, masks, variant) for name in {**cuts, **masks}}
    for name, tensor in made.items():
        path, _, own = name.rpartition(".")
        holder = module.get_submodule(path)
        if own in holder._parameters:
            holder._parameters[own] = torch.nn.Parameter(tensor, requires_grad=tensors[name].requires_grad)
        else:
            holder._buffers[own] = tensor
        _set_sizes(holder, tensor if own == "weight" else None)
    return module


def _set_sizes(holder, weight):
    """Sizes that a module states beside its tensors."""
    if weight is None:
        return
    if hasattr(holder, "in_channels"):
        transposed = type(holder).__name__.startswith("ConvTranspose")
        outer, inner = (weight.shape[1], weight.shape[0]) if transposed else (weight.shape[0], weight.shape[1])
        if not transposed and holder.groups == holder.in_channels and holder.groups > 1:
            holder.groups = outer  # depthwise: a group for each channel
        holder.in_channels = inner * (1 if transposed else holder.groups)
        holder.out_channels = outer * (holder.groups if transposed else 1)
    elif hasattr(holder, "in_features"):
        holder.out_features, holder.in_features = weight.shape[0], weight.shape[1]
    elif hasattr(holder, "num_features"):
        holder.num_features = weight.shape[0]
