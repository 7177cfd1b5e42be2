// Counts the rows of a block by slot: 0 underflow (or outside), 1 ..= bins, then overflow, NaN, not
// positive. Continues the code of an element and what histogram.rs generates: `take(outs)` for one row,
// `zero_weights`, `flush_weights`, NEAR_WORDS, COUNTS_NEAR, TABLE_WORDS.
//
// Counts are gathered per workgroup in several copies, interleaved so that neighbouring lanes use
// other copies and other banks, and added to `out` at the end. Where that memory is too small for all
// slots (COUNTS_NEAR is false) bins are counted in `out` and only the four other slots, which may get
// most of the rows, in the workgroup.

@group(0) @binding(4) var<storage, read_write> out: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read> table: array<u32>;

var<workgroup> near: array<atomic<u32>, NEAR_WORDS>;

var<private> bins: u32;
var<private> copies: u32;
var<private> copy: u32;

// Slots counted in `near`.
fn near_slots() -> u32 { return select(4u, bins + 4u, COUNTS_NEAR); }

fn count(slot: u32) {
    if (COUNTS_NEAR) {
        atomicAdd(&near[slot * copies + copy], 1u);
    } else if (slot - 1u < bins) {
        atomicAdd(&out[slot], 1u);
    } else {
        atomicAdd(&near[select(slot - bins, 0u, slot == 0u) * copies + copy], 1u);
    }
}

fn flush_counts(lane: u32) {
    for (var k = lane; k < near_slots(); k += 256u) {
        var sum = 0u;
        for (var c = 0u; c < copies; c++) {
            sum += atomicLoad(&near[k * copies + ((c + lane) & (copies - 1u))]);
        }
        let slot = select(bins + k, k, COUNTS_NEAR || k == 0u);
        if (sum != 0u) { atomicAdd(&out[slot], sum); }
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    bins = params[FAMILY_AT];
    copies = params[FAMILY_AT + 1u];
    copy = lane & (copies - 1u);
    for (var k = lane; k < params[FAMILY_AT + 2u]; k += 256u) { atomicStore(&near[k], 0u); }
    fetch_table(lane);
    workgroupBarrier();
    let len = params[LEN_AT];
    for (var i = 4u * (256u * group.x + lane); i < len; i += 1024u * groups.x) {
        if (i + 3u < len) {
            let q = quad(i);
            take(q.a);
            take(q.b);
            take(q.c);
            take(q.d);
        } else {
            for (var k = i; k < len; k++) { take(element(k)); }
        }
    }
    workgroupBarrier();
    flush_counts(lane);
    flush_weights(lane);
    report_events();
}
