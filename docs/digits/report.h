/* report.html: one page that needs nothing else, neither a network nor a script. */
#ifndef DIGITS_REPORT_H
#define DIGITS_REPORT_H
#include "check.h"
#include "mistakes.h"
#include "train.h"

typedef struct report {
    const options *options;
    const data *data;
    const check *check;
    const history *history;
    const mistakes *mistakes;
    ct_module *net;
} report;

/* makes the folder if need be and tries whether the page can be written there, before work begins
   that would be lost; false: *path could not be written, errno says why */
bool report_prepare(const char *folder, char *path, size_t bytes);
/* false: errno says why */
bool report_write(const report *r, const char *path);

#endif
