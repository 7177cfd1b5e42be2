"""Writes expr_precedence.tsv: expressions and how Python's own parser groups them.

Each line is `text<TAB>form`: the form has parentheses around every operator, floats as their bits;
`!` stands for an expression that Python accepts and chunkwise refuses (chained comparisons).
Lines that begin with `?` hold text that Python refuses.

    python3 tests/goldens/make_expr.py > tests/goldens/expr_precedence.tsv
"""
import ast
import random
import struct
import warnings

warnings.simplefilter("ignore")
OPS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.LShift: "<<", ast.RShift: ">>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Eq: "==", ast.NotEq: "!=", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
}


class Refused(Exception):
    pass


def full(n):
    match n:
        case ast.Constant(bool() | None):
            return str(n.value)
        case ast.Constant(int()):
            return str(n.value)
        case ast.Constant(float()):
            return "f:%016x" % struct.unpack("<Q", struct.pack("<d", n.value))[0]
        case ast.Constant(str()):
            return "s:" + n.value.encode().hex()
        case ast.Name():
            return n.id
        case ast.UnaryOp():
            return f"({OPS[type(n.op)]}{full(n.operand)})"
        case ast.BinOp():
            return f"({full(n.left)} {OPS[type(n.op)]} {full(n.right)})"
        case ast.Compare():
            if len(n.ops) > 1:
                raise Refused
            return f"({full(n.left)} {OPS[type(n.ops[0])]} {full(n.comparators[0])})"
        case ast.Tuple():
            return "tuple(" + ", ".join(map(full, n.elts)) + ")"
        case ast.List():
            return "list(" + ", ".join(map(full, n.elts)) + ")"
        case ast.Call(func=ast.Name()):
            args = [full(a) for a in n.args] + [f"{k.arg}={full(k.value)}" for k in n.keywords]
            return f"{n.func.id}({', '.join(args)})"
        case ast.Call(func=ast.Attribute()):
            args = [full(n.func.value)] + [full(a) for a in n.args]
            args += [f"{k.arg}={full(k.value)}" for k in n.keywords]
            return f"{n.func.attr}({', '.join(args)})"
        case ast.Attribute():
            return f"{full(n.value)}.{n.attr}"
        case ast.Subscript():
            items = n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice]
            return f"{full(n.value)}[{', '.join(map(index, items))}]"
    raise ValueError(ast.dump(n))


def index(n):
    if isinstance(n, ast.Slice):
        def part(p):
            bare = p is None or (isinstance(p, ast.Constant) and p.value is None)
            return "" if bare else full(p)
        return f"{part(n.lower)}:{part(n.upper)}:{part(n.step)}"
    if isinstance(n, ast.Constant) and n.value is Ellipsis:
        return "..."
    return full(n)


def line(text):
    try:
        form = full(ast.parse(text, mode="eval").body)
    except Refused:
        form = "!"
    return f"{text}\t{form}"


rng = random.Random(20)
BINARY = "+ - * / // % ** @ & | ^ << >>".split()
COMPARE = "< <= > >= == !=".split()


def atom(depth):
    k = rng.randrange(14)
    if depth <= 0 or k < 6:
        return rng.choice(["a", "b", "c", "rho", "x1", "2", "0.5", "1e-3", "10"])
    if k < 8:
        return f"({chain(depth - 1)})"
    if k == 8:
        return f"sqrt({chain(depth - 1)})"
    if k == 9:
        return f"where({chain(depth - 1)}, {chain(depth - 1)}, axis={chain(depth - 1)})"
    if k == 10:
        return f"x.mean({chain(depth - 1)}, keepdims=True)"
    if k == 11:
        return f"({chain(depth - 1)}).T"
    if k == 12:
        return f"x[{chain(depth - 1)}:, ..., None, ::-1, {chain(depth - 1)}]"
    return rng.choice([f"({chain(depth - 1)}, {chain(depth - 1)})", f"[{chain(depth - 1)}]"])


def chain(depth):
    out = ""
    compared = False
    for i in range(rng.choice([1, 2, 2, 3, 4, 5])):
        if i:
            ops = BINARY * 2 + ([] if compared and rng.random() < 0.9 else COMPARE)
            op = rng.choice(ops)
            compared |= op in COMPARE
            out += rng.choice([" ", ""]) + op + rng.choice([" ", ""])
        while rng.random() < 0.2:
            out += rng.choice("-+~")
        out += atom(depth)
    return out


FIXED = r"""
-x**2
2**-1
2**-x**2
~a & b == c
-a * b
a * -b ** -c * d
a @ b @ c
a - b - c
2 ** 3 ** 4
- - + ~ x
a < b
a < b < c
(a < b) < c
a < (b < c)
a == b != c
a & b | c ^ d & e
a << b + c >> d
a | b == c & d
x.T.T
x[0][1]
x[1,]
x[:]
x[::]
x[1:2:3]
x[None:None:None]
x[None]
x[..., None]
x[-1]
x[(1, 2), 3]
x[[1, 2]]
x[a > 0]
f()
f(x,)
f(x, axis=0, )
f(x).g(y).T[0].h()
(x + y).mean(axis=(0, 1))
sum(x, dtype='float64')
sum(x, dtype="a'b\\\n")
()
(1,)
(1, 2)
[]
[1, 2, ]
((x))
True
None
1_000
0xff
0X_Ff
0b1_01
0o17
00
0_0
1.
.5
1.5e3
1e-3
1E+3
1_0.2_5e1_0
012.5
012e1
1.e5
1e999
0.1
123456789.123456789
2.2250738585072011e-308
5e-324
9007199254740993.0
170141183460469231731687303715884105727
1 .real
(1).T
1.0.T
x  .  mean ( )
"""
BAD = ["1__0", "1_", "_1.5_", "0x", "0b2", "0o8", "012", "1e", "1e_5", "1_e5", "1._5", "1abc", "x y", "x +", "* x",
       "f(x", "x[", "x[]", "f(,)", "[,]", "(,)", "f(a=1, a=2)", "f(a=1, b)", "x..T", "x.1", "'a", "a ! b", "a <> b",
       "a $ b", "1 2", ")", "x)", "a b()", "x.if", "lambda", "a === b", "f(x=)", "x[1:2:3:4]", "a ? b", "a && b"]

if __name__ == "__main__":
    lines = [line(t) for t in FIXED.strip().split("\n")]
    while len(lines) < 500:
        text = chain(2)
        if len(text) < 160:
            lines.append(line(text))
    for text in BAD:
        try:
            compile(text, "", "eval")
        except SyntaxError:
            lines.append("?" + text)
        else:
            if text not in ("_1.5_",):
                raise SystemExit(f"Python accepts {text}")
    print("\n".join(lines))
