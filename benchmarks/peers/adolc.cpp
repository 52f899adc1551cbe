// The functions of ../objectives.c for ADOL-C, in the loops that one writes for it, and their
// gradients. See ../peers.h for what is asked and answered, and autodiff.py. The argument is `adolc`,
// which records a tape once and runs over it again, or `retaped`, which records it each time. The
// value is the same template for doubles. The network's second derivative by its input, of which
// `pinn` is made, is written out, as ADOL-C does not nest.
#include <adolc/adolc.h>

#include <cmath>
#include <ctime>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using list = std::vector<double>;

static double uniform(int64_t stream, int64_t i)
{
    uint64_t h = ((uint64_t)(i + 1000003 * stream) * 2654435761u) & 0xffffffffu;
    h ^= h >> 15;
    h = (h * 2246822519u) & 0xffffffffu;
    return (double)(h ^ h >> 13) / 4294967296.0;
}

static list numbers(int64_t stream, int64_t n, double a, double b)
{
    list x(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = a + b * uniform(stream, i);
    return x;
}

template <class T> static T log_sum_exp(const T *x, int n)
{
    T most = x[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (int i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

// Each has the point `x`, constants, and for T double or adouble: void operator()(const T *x, T *y)
struct logistic {
    list x = numbers(0, 5, -1, 2), a = numbers(1, 500, -1, 2);
    template <class T> void operator()(const T *w, T *y) const
    {
        *y = 0;
        for (int i = 0; i < 100; i++) {
            T z = 0;
            for (int j = 0; j < 5; j++)
                z += a[5 * i + j] * w[j];
            *y += i < 50 ? T(log(1 + exp(z))) : T(log(1 + exp(-z)));
        }
    }
};

struct rosenbrock {
    list x = numbers(0, 50, 0.5, 1);
    template <class T> void operator()(const T *x, T *y) const
    {
        *y = 0;
        for (int i = 0; i < 49; i++) {
            T valley = x[i + 1] - x[i] * x[i], rest = 1 - x[i];
            *y += 100 * valley * valley + rest * rest;
        }
    }
};

struct gaussian {
    enum { N = 60 };
    list x = { 0.1, 0.2, -1 }, b = numbers(1, N, -1, 2);
    template <class T> void operator()(const T *x, T *y) const
    {
        T size = exp(2 * x[1]), noise = exp(2 * x[2]), scale = -0.5 * exp(-2 * x[0]);
        std::vector<T> l(N * N), z(N);
        *y = 0;
        for (int i = 0; i < N; i++) {
            T rest = b[i];
            for (int j = 0; j <= i; j++) {
                double d = (i - j) * (10.0 / 59);
                T sum = size * exp(scale * (d * d));
                if (i == j)
                    sum += noise;
                for (int k = 0; k < j; k++)
                    sum -= l[i * N + k] * l[j * N + k];
                l[i * N + j] = i == j ? T(sqrt(sum)) : T(sum / l[j * N + j]);
                if (j < i)
                    rest -= l[i * N + j] * z[j];
            }
            z[i] = rest / l[i * N + i];
            *y += 0.5 * z[i] * z[i] + log(l[i * N + i]);
        }
    }
};

struct lotka {
    list x = { -0.6, -0.2, -3.6, -3.7, 3.5, 1.8 }, counted = numbers(1, 42, 2, 2);
    template <class T> void operator()(const T *x, T *y) const
    {
        T rate[4], z[2] = { x[4], x[5] }, k[4][2], at[2];
        const double dt = 0.04, part[4] = { 0, dt / 2, dt / 2, dt };
        for (int i = 0; i < 4; i++)
            rate[i] = exp(x[i]);
        *y = 0;
        for (int year = 0; year <= 20; year++) {
            for (int step = 0; year > 0 && step < 25; step++) {
                for (int i = 0; i < 4; i++) {
                    for (int j = 0; j < 2; j++)
                        at[j] = i == 0 ? z[j] : T(z[j] + part[i] * k[i - 1][j]);
                    k[i][0] = rate[0] - rate[2] * exp(at[1]);
                    k[i][1] = rate[3] * exp(at[0]) - rate[1];
                }
                for (int j = 0; j < 2; j++)
                    z[j] += dt / 6 * (k[0][j] + k[3][j] + 2 * (k[1][j] + k[2][j]));
            }
            for (int j = 0; j < 2; j++) {
                T wrong = z[j] - counted[2 * year + j];
                *y += 0.5 * wrong * wrong;
            }
        }
    }
};

struct schools {
    list x = numbers(0, 1000, -1, 2), effect = numbers(1, 8, -5, 30), sigma = numbers(2, 8, 9, 9);
    template <class T> void operator()(const T *x, T *y) const
    {
        *y = 0;
        for (const T *q = x; q < x + 1000; q += 10) {
            T tau = exp(q[1]), squares = q[0] * q[0];
            for (int j = 0; j < 8; j++) {
                T far = (effect[j] - (5 * q[0] + tau * q[2 + j])) / sigma[j];
                squares += far * far + q[2 + j] * q[2 + j];
            }
            *y += 0.5 * squares + log(1 + 0.04 * tau * tau) - q[1];
        }
    }
};

struct pinn {
    list x = numbers(0, 48, -1, 2);
    template <class T> void operator()(const T *x, T *y) const
    {
        *y = 0;
        for (int i = 0; i < 32; i++) {
            double t = i * (1.0 / 31);
            T net = 0, first = 0, second = 0;
            for (int j = 0; j < 16; j++) {
                T h = tanh(x[j] * t + x[16 + j]), slope = x[j] * (1 - h * h);
                net += x[32 + j] * h;
                first += x[32 + j] * slope;
                second -= 2 * x[32 + j] * h * slope * x[j];
            }
            T r = t * (1 - t) * second + 2 * (1 - 2 * t) * first - 2 * net +
                  M_PI * M_PI * sin(M_PI * t);
            *y += r * r / 32;
        }
    }
};

struct gmm {
    int d, k, n, below;
    list x, p;
    gmm(int d, int k, int n) : d(d), k(k), n(n), below(d * (d - 1) / 2)
    {
        x = numbers(0, k * (1 + 2 * d + below), -1, 2);
        p = numbers(1, n * d, -1, 2);
    }
    template <class T> void operator()(const T *alpha, T *y) const
    {
        const T *mu = alpha + k, *q = mu + k * d, *l = q + k * d;
        std::vector<T> e(k * d), weight(k), each(k), v(d);
        T sum = 0, prior = 0;
        for (int m = 0; m < k; m++) {
            weight[m] = alpha[m];
            for (int i = 0; i < d; i++) {
                e[m * d + i] = exp(q[m * d + i]);
                weight[m] += q[m * d + i];
                prior += e[m * d + i] * e[m * d + i];
            }
            for (int i = 0; i < below; i++)
                prior += l[m * below + i] * l[m * below + i];
        }
        for (int r = 0; r < n; r++) {
            for (int m = 0; m < k; m++) {
                const T *row = l + m * below;
                T square = 0;
                for (int i = 0; i < d; row += i, i++) {
                    v[i] = p[r * d + i] - mu[m * d + i];
                    T far = e[m * d + i] * v[i];
                    for (int j = 0; j < i; j++)
                        far += row[j] * v[j];
                    square += far * far;
                }
                each[m] = weight[m] - 0.5 * square;
            }
            sum += log_sum_exp(each.data(), k);
        }
        *y = sum - n * log_sum_exp(alpha, k) + 0.5 * prior;
    }
};

struct lstm {
    enum { B = 14 };
    int layers, n;
    list x, data, start;
    lstm(int layers, int n) : layers(layers), n(n), x(numbers(0, (8 * layers + 3) * B, -1, 2)),
        data(numbers(1, n * B, 0, 1)), start(numbers(2, 2 * layers * B, -1, 2)) {}
    template <class T> static T sigmoid(const T &z) { return 1 / (1 + exp(-z)); }
    template <class T> void operator()(const T *x, T *y) const
    {
        std::vector<T> state(start.begin(), start.end());
        const T *ends = x + 8 * layers * B;
        T total = 0, z[B];
        for (int t = 0; t + 1 < n; t++) {
            for (int i = 0; i < B; i++)
                z[i] = data[t * B + i] * ends[i];
            for (int k = 0; k < layers; k++)
                for (int i = 0; i < B; i++) {
                    const T *w = x + 8 * k * B + i;
                    T &hidden = state[2 * k * B + i], &cell = state[(2 * k + 1) * B + i];
                    T forget = sigmoid<T>(z[i] * w[0] + w[4 * B]);
                    T in = sigmoid<T>(hidden * w[B] + w[5 * B]);
                    T out = sigmoid<T>(z[i] * w[2 * B] + w[6 * B]);
                    cell = cell * forget + in * tanh(hidden * w[3 * B] + w[7 * B]);
                    hidden = out * tanh(cell);
                    z[i] = hidden;
                }
            T sum = 2;
            for (int i = 0; i < B; i++) {
                z[i] = z[i] * ends[B + i] + ends[2 * B + i];
                sum += exp(z[i]);
            }
            sum = log(sum);
            for (int i = 0; i < B; i++)
                total += data[(t + 1) * B + i] * (z[i] - sum);
        }
        *y = -total / (double)((n - 1) * B);
    }
};

// one observation of bundle adjustment: 15 numbers to 2
struct observation {
    double feature[2];
    template <class T> void operator()(const T *x, T *y) const
    {
        T p[3], axis[3], angle = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
        T c = cos(angle), s = sin(angle), along = 0, v[3];
        for (int i = 0; i < 3; i++) {
            p[i] = x[11 + i] - x[3 + i];
            axis[i] = x[i] / angle;
            along += axis[i] * p[i];
        }
        for (int i = 0; i < 3; i++) {
            int j = (i + 1) % 3, k = (i + 2) % 3;
            v[i] = c * p[i] + s * (axis[j] * p[k] - axis[k] * p[j]) + along * (1 - c) * axis[i];
        }
        T u = v[0] / v[2], w = v[1] / v[2], r = u * u + w * w;
        T bend = x[6] * (1 + x[9] * r + x[10] * r * r);
        y[0] = x[14] * (bend * u + x[7] - feature[0]);
        y[1] = x[14] * (bend * w + x[8] - feature[1]);
    }
};

// -- Values and gradients
static bool anew; // record the tape each time

struct work {
    virtual void value(double *y) = 0;
    virtual void gradient(double *g) = 0;
    int outputs = 1, inputs = 0;
    virtual ~work() {}
};

template <class F> static void trace(const F &f, const double *x, int n, int m)
{
    std::vector<adouble> in(n), out(m);
    double y;
    for (int i = 0; i < n; i++)
        in[i] <<= x[i];
    f(in.data(), out.data());
    for (int i = 0; i < m; i++)
        out[i] >>= y;
}

// What does not fit into the buffers of usual size is written to files: it gets buffers as large as it
// is. (Larger ones make each run over the tape take several times as long.)
template <class F> static void record(short tag, const F &f, const double *x, int n, int m)
{
    static std::map<short, std::vector<uint>> sizes; // empty: the usual ones
    bool first = !sizes.count(tag);
    const std::vector<uint> &size = sizes[tag];
    if (size.empty())
        trace_on(tag, 1);
    else
        trace_on(tag, 1, size[0], size[1], size[2], size[3]);
    trace(f, x, n, m);
    trace_off();
    size_t counts[STAT_SIZE];
    if (first)
        tapestats(tag, counts);
    if (!first || counts[NUM_LOCATIONS] < counts[LOC_BUFFER_SIZE])
        return;
    for (int kind : { NUM_OPERATIONS, NUM_LOCATIONS, NUM_VALUES, TAY_STACK_SIZE })
        sizes[tag].push_back(2 * (uint)counts[kind] + 1000);
    removeTape(tag, ADOLC_REMOVE_COMPLETELY);
    record(tag, f, x, n, m);
}

template <class F> struct scalar : work {
    F f;
    short tag;
    bool recorded = false;
    scalar(F f, short tag) : f(f), tag(tag) { inputs = (int)f.x.size(); }
    void value(double *y) override { f(f.x.data(), y); }
    void gradient(double *g) override
    {
        if (anew || !recorded)
            record(tag, f, f.x.data(), inputs, 1);
        double one = 1;
        if (anew || !recorded)
            fos_reverse(tag, 1, inputs, &one, g);
        else
            ::gradient(tag, inputs, f.x.data(), g);
        recorded = true;
    }
};

struct bundle : work {
    int n;
    short tag;
    bool recorded = false;
    list x, features;
    bundle(int n, short tag) : n(n), tag(tag), x(15 * n), features(numbers(1, 2 * n, -1, 2))
    {
        outputs = 2 * n;
        inputs = 30 * n;
        list a = numbers(0, 11 * n, 0.05, 0.1), b = numbers(2, 3 * n, 4, 1);
        list c = numbers(3, n, 0.5, 1);
        for (int i = 0; i < n; i++) {
            std::copy(&a[11 * i], &a[11 * i] + 11, &x[15 * i]);
            std::copy(&b[3 * i], &b[3 * i] + 3, &x[15 * i + 11]);
            x[15 * i + 14] = c[i];
        }
    }
    void value(double *y) override
    {
        for (int i = 0; i < n; i++)
            observation{ { features[2 * i], features[2 * i + 1] } }(&x[15 * i], y + 2 * i);
    }
    // the Jacobian does not depend on the feature but through w: so the feature is an input too
    void gradient(double *g) override
    {
        for (int i = 0; i < n; i++) {
            double in[17], jacobian[2][17], *rows[2] = { jacobian[0], jacobian[1] };
            std::copy(&x[15 * i], &x[15 * i] + 15, in);
            in[15] = features[2 * i], in[16] = features[2 * i + 1];
            auto f = [](const adouble *x, adouble *y) {
                observation{ { 0, 0 } }(x, y);
                y[0] -= x[14] * x[15];
                y[1] -= x[14] * x[16];
            };
            double one[2][2] = { { 1, 0 }, { 0, 1 } }, *unit[2] = { one[0], one[1] };
            if (anew || !recorded) {
                record(tag, f, in, 17, 2);
                fov_reverse(tag, 2, 17, 2, unit, rows);
            } else {
                ::jacobian(tag, 2, 17, in, rows);
            }
            recorded = true;
            for (int k = 0; k < 2; k++)
                std::copy(jacobian[k], jacobian[k] + 15, g + (k * n + i) * 15);
        }
    }
};

static std::unique_ptr<work> make(const std::string &name, const int *size, short tag)
{
    work *w = name == "logistic" ? (work *)new scalar<logistic>(logistic(), tag)
            : name == "rosenbrock" ? (work *)new scalar<rosenbrock>(rosenbrock(), tag)
            : name == "gaussian" ? (work *)new scalar<gaussian>(gaussian(), tag)
            : name == "lotka" ? (work *)new scalar<lotka>(lotka(), tag)
            : name == "schools" ? (work *)new scalar<schools>(schools(), tag)
            : name == "pinn" ? (work *)new scalar<pinn>(pinn(), tag)
            : name == "gmm" ? (work *)new scalar<gmm>(gmm(size[0], size[1], size[2]), tag)
            : name == "lstm" ? (work *)new scalar<lstm>(lstm(size[0], size[1]), tag)
            : name == "ba" ? (work *)new bundle(size[0], tag) : NULL;
    return std::unique_ptr<work>(w);
}

static double product(const list &x, int64_t stream)
{
    double sum = 0;
    for (size_t i = 0; i < x.size(); i++)
        sum += x[i] * (0.5 + uniform(stream, (int64_t)i));
    return sum;
}

static double now()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double answer(long repeats, const std::string &request)
{
    static std::map<std::string, std::unique_ptr<work>> made;
    std::istringstream in(request);
    std::string what, name;
    int size[3] = { 0, 0, 0 };
    in >> what;
    bool checked = what == "check";
    if (checked)
        in >> what;
    in >> name >> size[0] >> size[1] >> size[2];
    std::string key = request.substr(request.find(name));
    if (!made.count(key))
        made[key] = make(name, size, (short)made.size());
    work *w = made[key].get();
    if (!w)
        return 0;
    list y(w->outputs), g(w->inputs);
    bool gradient = what == "gradient";
    if (checked || repeats > 1)
        gradient ? w->gradient(g.data()) : w->value(y.data());
    if (checked && gradient)
        w->gradient(g.data()); // over the tape that is there
    if (checked)
        return gradient ? product(g, 9) : product(y, 8);
    double start = now();
    for (long i = 0; i < repeats; i++)
        gradient ? w->gradient(g.data()) : w->value(y.data());
    return now() - start;
}

int main(int argc, char **argv)
{
    anew = argc > 1 && std::string(argv[1]) == "retaped";
    std::cout << "ADOL-C " ADOLC_IS << (anew ? ", the tape recorded each time" : ", one tape")
              << std::endl << std::setprecision(17);
    long repeats;
    std::string request;
    while (std::cin >> repeats && std::getline(std::cin >> std::ws, request))
        std::cout << answer(repeats, request) << std::endl;
}
