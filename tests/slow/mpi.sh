# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Tests on several processes: every fault, under valgrind, and by MPICH.
need_test_tools openmpi-bin libopenmpi-dev mpich libmpich-dev valgrind
only=tests/mpi/mpi-tests
if prepare mpi gcc "${debug[@]}" -Dpool=off -Dmpi=openmpi; then
    for ranks in 1 2 3 4; do
        step "every allocation and every call of MPI fails, on $ranks ranks" \
            try meson test -C "$at" --no-rebuild --setup slow --verbose --num-processes 1 \
            "mpi faults $ranks"
    done
    step "valgrind, on 2 ranks" \
        try tests/mpi/test_mpi.sh valgrind "-q --error-exitcode=9 --leak-check=no
            --suppressions=/usr/share/openmpi/openmpi-valgrind.supp
            --suppressions=tests/mpi/valgrind.supp $at/tests/mpi/mpi-tests" \
        mpirun.openmpi --oversubscribe --allow-run-as-root -n 2
fi
if prepare mpich gcc "${debug[@]}" -Dpool=off -Dmpi=mpich; then
    step "MPICH" try meson test -C "$at" --no-rebuild --verbose --num-processes 1 'mpi 1' 'mpi 2' \
        'mpi 3' 'mpi 4' 'mpi faults' 'mpi killed'
fi
only=
