#ifndef PROGRAM_OPTIONS_H
#define PROGRAM_OPTIONS_H
#include "program.h"

/* false: the program ends, with p->status; what is to be said has been said */
bool options_read(program *p, int argc, char **argv);

#endif
