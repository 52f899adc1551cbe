/* What the report shows. */
#ifndef DIGITS_PAGE_H
#define DIGITS_PAGE_H
#include "mistakes.h"
#include "train.h"

typedef struct found {
    const options *options;
    const data *data;
    const history *history;
    const mistakes *mistakes;
    ct_module *net;
} found;

void page(program *p, const found *f);

#endif
