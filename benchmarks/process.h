/* What is measured of a whole process: a benchmark starts itself anew for it. */
#ifndef PROCESS_H
#define PROCESS_H

/* the number that this program prints, started with that argument; 0 where it fails */
double process_prints(char *program, char *argument);
/* the most memory that this process had so far, in bytes */
double process_peak(void);
#endif
