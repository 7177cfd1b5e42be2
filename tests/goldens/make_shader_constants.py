"""Writes shaders/math_constants{32,64}.wgsl from src/ops/elementwise/math/constants_{f32,f64}.rs and
two_over_pi.rs: the same constants, and each polynomial as a function (Horner, from the last coefficient
to the first). Run from the repository's root, after make_elementwise_constants.py:
python3 tests/goldens/make_shader_constants.py
"""
import re

# The polynomials that are evaluated as pairs.
PAIRS = ["I0_NEAR"]
SOURCE = "src/ops/elementwise/math/"


def write(bits, out):
    f = f"f{bits}"
    suffix = "f" if bits == 32 else "lf"
    text = open(f"{SOURCE}constants_{f}.rs").read()
    out.append(f"// Constants and polynomials of the float{bits} functions, written by")
    out.append(f"// tests/goldens/make_shader_constants.py from {SOURCE}constants_{f}.rs.")
    out.append("")
    item = r"(?:/// ([^\n]*)\n)?pub\(super\) const (\w+): (?:F = ([^;\[]+);|\[F; \d+\] =\s*\[([^;]*)\];)"
    for doc, name, value, array in re.findall(item, text):
        if doc:
            out.append(f"// {doc}")
        if value:
            name += "_" if name[-1].isdigit() else ""
            out.append(f"const {name}{bits}: {f} = {value}{suffix};")
            continue
        if name in PAIRS:
            # Of a pair, with what products and sums leave: horner_pair of shared/special.rs.
            pair = f"Pair{bits}"
            first, *rest = reversed([c.strip() for c in array.split(",") if c.strip()])
            out.append(f"fn poly_{name.lower()}{bits}(x: {pair}) -> {pair} {{")
            out.append(f"    var v = {pair}({first}{suffix}, 0.0);")
            out += [f"    v = horner_step{bits}(v, x, {c}{suffix});" for c in rest]
            out += ["    return v;", "}"]
            continue
        first, *rest = reversed([c.strip() for c in array.split(",") if c.strip()])
        out.append(f"fn poly_{name.lower()}{bits}(x: {f}) -> {f} {{")
        out.append(f"    var v: {f} = {first}{suffix};")
        for c in rest:
            out.append(f"    v = v * x + {c}{suffix};" if c[0] != "-" else f"    v = v * x + ({c}{suffix});")
        out.append("    return v;")
        out.append("}")


for bits in (32, 64):
    out = []
    write(bits, out)
    if bits == 32:
        words = re.findall(r"0x[0-9a-f]{8}", open(SOURCE + "two_over_pi.rs").read())
        out.append("")
        out.append("// 64 zeros and the first 1280 bits of 2 / π after the point.")
        out.append(f"const TWO_OVER_PI_BITS = array<u32, {len(words)}>(")
        out += ["    " + ", ".join(w + "u" for w in words[i:i + 7]) + "," for i in range(0, len(words), 7)]
        out.append(");")
    with open(f"shaders/math_constants{bits}.wgsl", "w") as file:
        file.write("\n".join(out) + "\n")
