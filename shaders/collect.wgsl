// Writes a program's output, element by element: `out[i] = element(i)`, four elements per invocation.
// Continues the code of an element and, for the output's dtype, `out` and `store`.

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let len = params[LEN_AT];
    for (var i = 4u * id.x; i < len; i += 1024u * groups.x) {
        if (i + 3u < len) {
            let q = quad(i);
            store(i, q.a.o0, q.b.o0, q.c.o0, q.d.o0);
        } else {
            // The output has room for four, and what lies behind its end is not read.
            let a = element(i);
            var b = a;
            var c = a;
            if (i + 1u < len) { b = element(i + 1u); }
            if (i + 2u < len) { c = element(i + 2u); }
            store(i, a.o0, b.o0, c.o0, a.o0);
        }
    }
    report_events();
}
