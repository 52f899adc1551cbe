/* Images made smaller or larger by whole factors: averages of windows that lie side by side and
 * cover the image, nearest neighbors, and the derivatives of both. */
#ifndef CT__SHRINK_H
#define CT__SHRINK_H
#include "resample.h"

/* Does `a` divide the larger image into equal windows, one for each element of the smaller? */
bool ct__has_tiles(const ct__resample *a);
/* `forward` of an operator that has the attributes `a`, for which this is so */
void ct__run_tiles(ct_call *call, const ct__resample *a);
#endif
