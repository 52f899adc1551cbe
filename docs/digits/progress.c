#include "progress.h"

#include <stdio.h>
#include <unistd.h>

enum { CELLS = 40 };

progress progress_new(int epochs)
{
    return (progress){ .epochs = epochs, .cells = -1, .terminal = isatty(STDOUT_FILENO) };
}

/* drawn anew only when it has grown: 40 times an epoch */
void progress_step(progress *p, int64_t done, int64_t of, double loss)
{
    int cells = (int)(done * CELLS / of);
    if (!p->terminal || cells == p->cells)
        return;
    p->cells = cells;
    printf("\repoch %3d of %d  loss %.4f  [%.*s%*s]", p->epoch + 1, p->epochs, loss, cells,
           "########################################", CELLS - cells, "");
    fflush(stdout);
}

void progress_epoch(progress *p, double loss, double error, double seconds)
{
    p->epoch++;
    p->cells = -1;
    printf("%sepoch %3d of %d  loss %.4f  test error %5.2f %%  %6.2f s\n",
           p->terminal ? "\r\033[K" : "", p->epoch, p->epochs, loss, 100 * error, seconds);
    fflush(stdout);
}
