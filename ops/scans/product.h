/* Products of many numbers, none of which overflows or vanishes on the way: a product is factor
 * times 2^power, and factor stays near 1. */
#ifndef CT__PRODUCT_H
#define CT__PRODUCT_H
#include <math.h>
#include <stdint.h>

typedef struct ct__product {
    double factor;
    int64_t power;
} ct__product;

/* Whether a product of two such numbers is exact but for its rounding. */
static inline bool ct__is_near_one(double x)
{
    double size = fabs(x);
    return size > 0x1p-500 && size < 0x1p500;
}

/* Moves the exponent of factor to power. 0, infinities and NaN stay as they are. */
static inline void ct__normalize(ct__product *p)
{
    int power = 0;
    if (isfinite(p->factor))
        p->factor = frexp(p->factor, &power);
    p->power += power;
}

static inline void ct__multiply(ct__product *p, double x)
{
    ct__product by = { x, 0 };
    if (!ct__is_near_one(x))
        ct__normalize(&by);
    p->factor *= by.factor, p->power += by.power;
    if (!ct__is_near_one(p->factor))
        ct__normalize(p);
}

/* The product as a number: what is out of range becomes 0 or infinite. */
static inline double ct__product_value(const ct__product *p)
{
    int64_t power = p->power > 5000 ? 5000 : p->power < -5000 ? -5000 : p->power;
    return power == 0 ? p->factor : ldexp(p->factor, (int)power);
}
#endif
