/* The network that reads digits: 14 x 14 pixels, one hidden layer, ten scores. */
#ifndef DIGITS_H
#define DIGITS_H

enum { SMALL = 14, PIXELS = SMALL * SMALL, HIDDEN = 48, LARGE = 2 * SMALL };

#endif
