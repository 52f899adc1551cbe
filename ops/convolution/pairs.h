/* What turns pairs of neighbors into vectors and back, and numbers into bytes. Only for compilers
 * that have vectors. */
#include "vectors.h"

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (K(marks)){ __VA_ARGS__ })
#endif

/* The first and the second of each pair in a and b, which lie one behind the other. The pairs come
 * in the order that takes the fewest operations; in_order puts the results of pairs right. */
#if IS_F32 && VECTOR_BYTES == 16
#define EVENS(a, b)      SHUFFLE(a, b, 0, 2, 4, 6)
#define ODDS(a, b)       SHUFFLE(a, b, 1, 3, 5, 7)
#define IN_ORDER(v)      (v)
#define LOW_PAIRS(a, b)  SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#elif IS_F32 && VECTOR_BYTES == 64
#define EVENS(a, b) \
    SHUFFLE(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
#define ODDS(a, b) \
    SHUFFLE(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31)
#define IN_ORDER(v) SHUFFLE(v, v, 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15)
#define LOW_PAIRS(a, b) \
    SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_PAIRS(a, b) \
    SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif IS_F32
#define FIRST_BYTES      0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28, \
                         0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28
#define EVENS(a, b)      SHUFFLE(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define ODDS(a, b)       SHUFFLE(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#define IN_ORDER(v)      SHUFFLE(v, v, 0, 1, 4, 5, 2, 3, 6, 7)
#define LOW_PAIRS(a, b)  SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#elif VECTOR_BYTES == 16
#define EVENS(a, b)      SHUFFLE(a, b, 0, 2)
#define ODDS(a, b)       SHUFFLE(a, b, 1, 3)
#define IN_ORDER(v)      (v)
#define LOW_PAIRS(a, b)  SHUFFLE(a, b, 0, 2)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 1, 3)
#else
#define FIRST_BYTES      0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, \
                         0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24
#define EVENS(a, b)      SHUFFLE(a, b, 0, 4, 2, 6)
#define ODDS(a, b)       SHUFFLE(a, b, 1, 5, 3, 7)
#define IN_ORDER(v)      SHUFFLE(v, v, 0, 2, 1, 3)
#define LOW_PAIRS(a, b)  SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#endif

INLINE K(lanes) K(evens)(K(lanes) a, K(lanes) b)
{
    return EVENS(a, b);
}

INLINE K(lanes) K(odds)(K(lanes) a, K(lanes) b)
{
    return ODDS(a, b);
}

INLINE K(lanes) K(in_order)(K(lanes) v)
{
    return IN_ORDER(v);
}

INLINE K(marks) K(marks_in_order)(K(marks) v)
{
    return IN_ORDER(v);
}

/* LANES numbers from 0 to 255, each as a byte. gcc 12 would convert them one by one */
#if VECTOR_BYTES == 16
INLINE void K(put_bytes)(char *to, K(marks) numbers)
{
    for (int k = 0; k < LANES; k++)
        to[k] = (char)numbers[k];
}

INLINE K(marks) K(get_bytes)(const char *from)
{
    K(marks) numbers;
    for (int k = 0; k < LANES; k++)
        numbers[k] = (unsigned char)from[k];
    return numbers;
}
#elif IS_F32 && VECTOR_BYTES == 64
INLINE void K(put_bytes)(char *to, K(marks) numbers)
{
    _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8((__m512i)numbers));
}

INLINE K(marks) K(get_bytes)(const char *from)
{
    return (K(marks))_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)from));
}
#else
INLINE void K(put_bytes)(char *to, K(marks) numbers)
{
    typedef unsigned char bytes __attribute__((vector_size(VECTOR_BYTES)));
    bytes all = (bytes)numbers;
#if defined(__clang__)
    all = __builtin_shufflevector(all, all, FIRST_BYTES);
#else
    all = __builtin_shuffle(all, (bytes){ FIRST_BYTES });
#endif
    memcpy(to, &all, LANES);
}

INLINE K(marks) K(get_bytes)(const char *from)
{
#if IS_F32
    return (K(marks))_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
#else
    int32_t four;
    memcpy(&four, from, sizeof four);
    return (K(marks))_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
#endif
}
#endif

/* a and b element by element in turn: the first LANES of these, and the others */
INLINE K(lanes) K(low_pairs)(K(lanes) a, K(lanes) b)
{
    return LOW_PAIRS(a, b);
}

INLINE K(lanes) K(high_pairs)(K(lanes) a, K(lanes) b)
{
    return HIGH_PAIRS(a, b);
}
#undef EVENS
#undef ODDS
#undef IN_ORDER
#undef LOW_PAIRS
#undef HIGH_PAIRS
#undef FIRST_BYTES
