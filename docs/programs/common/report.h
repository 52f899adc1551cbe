/* report.html while it is written: its parts are texts in memory until program_end. */
#ifndef PROGRAM_REPORT_H
#define PROGRAM_REPORT_H
#include "program.h"

typedef struct text {
    FILE *file;
    char *bytes;
    size_t n;
} text;

typedef struct report {
    char path[4096];
    bool made;                  /* the folder is ours */
    text page, facts, targets, settings;
    long facts_at;              /* where in the page the facts come; -1: at its end so far */
    const char *open, *tag;     /* the element that is open in the page: its class and name */
} report;

/* makes the folder if need be and tries whether the page can be written there, before work begins
   that would be lost; false: errno says why, p->report->path what */
bool report_begin(program *p);
/* false: errno says why */
bool report_write(program *p, const char *result);
void report_free(program *p);
/* the page, in an element of that class, which is new unless it is the last that was opened; NULL:
   there is none */
FILE *report_open(program *p, const char *class, const char *tag);

#endif
