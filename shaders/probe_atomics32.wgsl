// 32-bit atomics in storage and in workgroup memory: every invocation adds its value, and the totals
// do not depend on the order. Words: the sum of all, then sum, greatest, least and OR per workgroup.

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<atomic<u32>>;

var<workgroup> shared_words: array<atomic<u32>, 4>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    if local < 4u {
        atomicStore(&shared_words[local], select(0u, 0xffffffffu, local == 2u));
    }
    workgroupBarrier();
    let value = values[id.x];
    atomicAdd(&out[0], value);
    atomicAdd(&shared_words[0], value);
    atomicMax(&shared_words[1], value);
    atomicMin(&shared_words[2], value);
    atomicOr(&shared_words[3], value & (value >> 16u));
    workgroupBarrier();
    if local < 4u {
        atomicStore(&out[1u + 4u * group.x + local], atomicLoad(&shared_words[local]));
    }
}
