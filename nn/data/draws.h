/* Random numbers that are made in plain memory, in any thread: SplitMix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014). Each row of an epoch has a stream of its
 * own, which the epoch's key and the place of the row in it decide. */
#ifndef COTANGENT_DRAWS_H
#define COTANGENT_DRAWS_H
#include <stdint.h>

typedef struct ct__draws {
    uint64_t state;
} ct__draws;

static inline uint64_t ct__mixed(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline uint64_t ct__draw(ct__draws *d)
{
    return ct__mixed(d->state += 0x9e3779b97f4a7c15);
}

static inline ct__draws ct__draws_of(uint64_t key, uint64_t place)
{
    return (ct__draws){ ct__mixed(key ^ ct__mixed(place + 0x9e3779b97f4a7c15)) };
}

/* uniform on [0, 1) */
static inline double ct__draw_unit(ct__draws *d)
{
    return (double)(ct__draw(d) >> 11) * 0x1p-53;
}

/* uniform on 0 ... n - 1. A draw among the last 2^64 mod n of the 2^64 values is repeated */
static inline int64_t ct__draw_below(ct__draws *d, int64_t n)
{
    uint64_t range = (uint64_t)n, spare = (UINT64_MAX % range + 1) % range, draw;
    do
        draw = ct__draw(d);
    while (draw > UINT64_MAX - spare);
    return (int64_t)(draw % range);
}

double ct__draw_normal(ct__draws *d);
/* from the beta distribution of both parameters alpha */
double ct__draw_beta(ct__draws *d, double alpha);
#endif
