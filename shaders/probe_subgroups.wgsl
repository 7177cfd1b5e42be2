// Subgroup operations: each invocation says in which subgroup it is, and what it was told of the
// values in there. Words per invocation: subgroup, position, size, sum, sum of those before it,
// greatest, least.

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

const COLUMNS: u32 = 7u;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) position: u32,
    @builtin(subgroup_size) size: u32,
) {
    let value = values[id.x];
    let at = id.x * COLUMNS;
    out[at] = subgroup;
    out[at + 1u] = position;
    out[at + 2u] = size;
    out[at + 3u] = subgroupAdd(value);
    out[at + 4u] = subgroupExclusiveAdd(value);
    out[at + 5u] = subgroupMax(value);
    out[at + 6u] = subgroupMin(value);
}
