/* Vectors of a file of kernels, which is stamped several times. For compilers that have none, LANES
 * is 1, and comparisons are not there. Loading and storing needs no alignment. */
#undef CHOOSE
#undef INLINE
#undef LANES
#undef LOAD
#undef MARK
#undef SPLAT
#undef STORE
#if defined(__GNUC__)
#define LANES (VECTOR_BYTES / (int)sizeof(REAL))
typedef REAL K(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define SPLAT(x) ((K(lanes))((x) - (K(lanes)){ 0 }))
#define INLINE static inline __attribute__((always_inline))
#else
#define LANES 1
typedef REAL K(lanes);
#define SPLAT(x) (x)
#define INLINE static inline
#endif
#define LOAD(p) ((K(lanes))*(const K(lanes) *)(p))
#define STORE(p, v) (*(K(lanes) *)(p) = (v))

#if defined(__GNUC__)
#if IS_F32
typedef int32_t K(mark);
#else
typedef int64_t K(mark);
#endif
typedef K(mark) K(marks) __attribute__((vector_size(VECTOR_BYTES))); /* as comparisons give them */
#define MARK(n) ((K(marks)){ 0 } + (K(mark))(n))

/* a where `first` is set, b elsewhere */
#define CHOOSE(first, a, b) \
    ((K(lanes))(((K(marks))(a) & (first)) | ((K(marks))(b) & ~(first))))
#endif
