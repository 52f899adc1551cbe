/* A user's kernels with the one file: cotangent_kernels.h stamps softsign_kernels.h. */
#define CT_KERNELS "softsign_kernels.h"
#include "cotangent_kernels.h"

extern const ct_kernels softsign;
const ct_kernels softsign = { CT_KERNEL_TABLE(softsign), .streams = true };
