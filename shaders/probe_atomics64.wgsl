// 64-bit atomics: as probe_atomics32.wgsl, with values of two words.

@group(0) @binding(0) var<storage, read> values: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<atomic<u64>>;

var<workgroup> shared_words: array<atomic<u64>, 4>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    if local < 4u {
        atomicStore(&shared_words[local], select(0lu, 0xfffffffffffffffflu, local == 2u));
    }
    workgroupBarrier();
    let value = u64(values[id.x].x) | (u64(values[id.x].y) << 32u);
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
