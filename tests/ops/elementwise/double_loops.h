/* Loops over the functions of double_math.h and double_normal.h. */
#define EACH(f)                                                                                 \
    static void K(f)(double *restrict y, const double *restrict x, int n)                       \
    {                                                                                           \
        for (int i = 0; i < n; i++)                                                             \
            y[i] = double_##f(x[i]);                                                            \
    }
#define PAIR(f, first, second)                                                                  \
    static void K(first)(double *restrict y, const double *restrict x, int n)                   \
    {                                                                                           \
        double other;                                                                           \
        for (int i = 0; i < n; i++)                                                             \
            y[i] = f(x[i], &other);                                                             \
    }                                                                                           \
    static void K(second)(double *restrict y, const double *restrict x, int n)                  \
    {                                                                                           \
        for (int i = 0; i < n; i++)                                                             \
            (void)f(x[i], &y[i]);                                                               \
    }
PAIR(double_normal, normal, density)
PAIR(double_logistic_pair, logistic_pair, logistic_other)
#define FUNCTION(f, ...) EACH(f)
#define FUNCTION_OF_PAIR(f, ...)
#define double_sin(x) double_sin(x, false)
#define double_cos(x) double_cos(x, false)
DOUBLE_FUNCTIONS
#undef double_sin
#undef double_cos
#undef FUNCTION
#undef FUNCTION_OF_PAIR
#undef EACH
#undef PAIR

#define FUNCTION(f, ...) K(f),
#define FUNCTION_OF_PAIR(f, ...) K(f),
static const loops K(all) = { DOUBLE_FUNCTIONS };
#undef FUNCTION
#undef FUNCTION_OF_PAIR
