#!/bin/bash
# A run of chunkwise as arrays of SLURM jobs:
#
#     examples/slurm.sh FOLDER JOBS -i 't=/data/era_*.nc:/t2m' 'm=mean(t, axis=0)' 'median(t)'
#
# FOLDER is on a file system that all nodes see; the plan, what the jobs gather and the results (results.h5, or as RESULTS says)
# go there. JOBS is how many jobs share the tasks of a stage. What follows is as for chunkwise eval. What each job asks for
# is added to SBATCH_OPTIONS, as in SBATCH_OPTIONS='--partition=short --time=30 --cpus-per-task=4 --mem=8G'.
#
# Each stage is an array of jobs, and one more job that merges what they gathered; a stage begins when the merge before it is
# done. A job that fails can be run again by itself (sbatch --array=17 … run STAGE): what it writes appears when it is whole.
set -euo pipefail

chunkwise=${CHUNKWISE:-chunkwise}

# What SLURM gives a job: its processors, and half of its memory, for other things need some too.
limits() {
    echo "--threads ${SLURM_CPUS_PER_TASK:-1}"
    if [ -n "${SLURM_MEM_PER_NODE:-}" ]; then
        echo "--memory $((SLURM_MEM_PER_NODE / 2))MiB"
    elif [ -n "${SLURM_MEM_PER_CPU:-}" ]; then
        echo "--memory $((SLURM_MEM_PER_CPU * ${SLURM_CPUS_PER_TASK:-1} / 2))MiB"
    fi
}

# The values of the stages before, where there are any.
before() { if [ "$1" -gt 0 ]; then echo "--values values-$1"; fi; }

case "${1:-}" in
run) # one job of an array: its part of the tasks of a stage
    cd "$2"
    part=part-$3-$SLURM_ARRAY_TASK_ID
    # shellcheck disable=SC2046
    exec "$chunkwise" run-tasks plan.json $(before "$3") $(limits) --part "$SLURM_ARRAY_TASK_ID/$4" --output "$part" --overwrite
    ;;
merge) # what all jobs of a stage gathered
    cd "$2"
    # shellcheck disable=SC2046
    if [ "$3" -lt "$5" ]; then
        "$chunkwise" merge plan.json $(before "$3") $(limits) part-"$3"-* --values-to "values-$(($3 + 1))" --overwrite
    else
        "$chunkwise" merge plan.json $(before "$3") $(limits) part-"$3"-* --output "${RESULTS:-results.h5}" --overwrite
    fi
    rm -f part-"$3"-*
    ;;
*) # submit
    if [ $# -lt 3 ]; then
        sed -n '2,10p' "$0" >&2
        exit 2
    fi
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    jobs=$2
    "$chunkwise" plan "${@:3}" --output "$folder/plan.json"
    tasks=$(sed -n 's/.*"tasks":\[\([0-9,]*\)\].*/\1/p' "$folder/plan.json")
    commas=${tasks//[0-9]/}
    last=${#commas}
    after=
    for stage in $(seq 0 "$last"); do
        # shellcheck disable=SC2086
        id=$(sbatch --parsable ${SBATCH_OPTIONS:-} --job-name="chunkwise-$stage" --array="0-$((jobs - 1))" $after \
            "$0" run "$folder" "$stage" "$jobs")
        # shellcheck disable=SC2086
        id=$(sbatch --parsable ${SBATCH_OPTIONS:-} --job-name="merge-$stage" --dependency="afterok:${id%%;*}" \
            "$0" merge "$folder" "$stage" "$jobs" "$last")
        after="--dependency=afterok:${id%%;*}"
    done
    echo "the results will be in $folder/${RESULTS:-results.h5} when job ${id%%;*} is done"
    ;;
esac
