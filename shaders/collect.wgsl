// Writes a program's output, element by element: `out[i] = element(i)`, four elements per invocation.
// Continues the code of an element; PACK is the dtype's: pack_1, pack_2, pack_4 or pack_8.

@group(0) @binding(4) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let len = params[LEN_AT];
    for (var i = 4u * id.x; i < len; i += 1024u * groups.x) {
        if (i + 3u < len) {
            let q = quad(i);
            store(i, q.a.o0, q.b.o0, q.c.o0, q.d.o0);
        } else {
            // The output's buffer is a multiple of 16 bytes, and what lies behind its end is not read.
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
