"""Rebuild an exported `mlp` from its safetensors file and print logits: the whole of it.

    echo '{"observation":[0,1,…]}' | python load_safetensors.py checkpoint.safetensors
"""

import json, sys, torch
from safetensors import safe_open

with safe_open(sys.argv[1], framework="pt") as file:
    architecture = json.loads(file.metadata()["architecture"])  # {"id":"mlp","parameters":{…}}
    weights = {name: file.get_tensor(name) for name in file.keys()}
layer = lambda name, x: torch.nn.functional.linear(x, weights[name + ".weight"], weights[name + ".bias"])
assert architecture["id"] == "mlp", architecture
for line in sys.stdin:
    h = torch.tensor(json.loads(line)["observation"], dtype=torch.float32).flatten()
    for i in range(architecture["parameters"]["depth"]):
        h = torch.relu(layer(f"blocks.{i}", h))
    print(json.dumps({"logits": layer("policy", h).tolist(), "value": layer("value", h).tanh().item()}))
