// Reductions: a workgroup takes a tile of WIDTH outputs and one segment of their positions. Its
// invocations are WIDTH × LANES; each gathers every (LANES × segments)th position of its output, and
// what they gathered is joined in workgroup memory and written as SLOT words per output and segment.
//
// Continues the code of an element. The row gives SLOT, begin, take, end, combine and word
// (reduce_slots.wgsl, reduce_extremes.wgsl); the block's axes give start and offset, its form walk
// (reduce_quads.wgsl, reduce_each.wgsl).

@group(0) @binding(4) var<storage, read_write> out: array<u32>;

// The family's words of params: outputs, positions, segments, width, lanes, whether lanes are
// neighbours; then what start and offset read.

struct Place {
    // Invocation in the workgroup, output in the tile, lane of the output.
    t: u32, output: u32, lane: u32,
    // Outputs in a tile, lanes per output, invocations between neighbouring lanes and outputs.
    width: u32, lanes: u32, lane_step: u32, output_step: u32,
}

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) t: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    begin(t);
    workgroupBarrier();
    let outputs = params[FAMILY_AT];
    let segments = params[FAMILY_AT + 2u];
    let width = params[FAMILY_AT + 3u];
    let lanes = params[FAMILY_AT + 4u];
    var place = Place(t, t % width, t / width, width, lanes, width, 1u);
    if (params[FAMILY_AT + 5u] != 0u) {
        place = Place(t, t / lanes, t % lanes, width, lanes, 1u, lanes);
    }
    let first = (group.x + groups.x * group.z) * width;
    let o = first + place.output;
    if (place.output < width && place.lane < lanes && o < outputs) {
        walk(o, place.lane + lanes * group.y, lanes * segments, place.output * SLOT);
        end(place);
    }
    workgroupBarrier();
    combine(place);
    for (var n = t; n < width * SLOT; n += 256u) {
        let output = first + n / SLOT;
        if (output < outputs) {
            out[(output * segments + group.y) * SLOT + n % SLOT] = word(place, n / SLOT, n % SLOT);
        }
    }
    report_events();
}
