// cotangent.hpp: operators on values, handles, errors. With -DCT_RESULTS errors are results. The
// last line is a count. Every block of memory is a call to malloc, for AddressSanitizer to see.
#include <cmath>
#include <cotangent.hpp>
#include <cstdio>

static int passed, failed;

static void holds(bool condition, const char *what)
{
    condition ? passed++ : failed++;
    if (!condition)
        std::printf("FAILED: %s\n", what);
}
#define HOLDS(condition) holds(condition, #condition)

static bool near(double a, double b) { return std::fabs(a - b) <= 1e-12 * (1 + std::fabs(b)); }

static ct_memory memory_of(const ct::context &cx)
{
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    return memory;
}

static void values(const ct::context &cx)
{
    ct::tensor a = cx.values({ 1, 2, 3, 4 }, { 2, 2 }), b = cx.scalar(0.5);
    ct::tensor y = a * b + sin(a) / 2.0 - 1.0 / a;
    HOLDS(y.shape() == (std::vector<int64_t>{ 2, 2 }) && y.size() == 4 && y.dtype() == CT_F64);
    for (size_t i = 0; i < 4; i++) {
        double x = double(i) + 1;
        HOLDS(near(y.values()[i], x * 0.5 + std::sin(x) / 2 - 1 / x));
    }
    HOLDS((-a).text() == "f64 (2,2) [[-1, -2], [-3, -4]]");
    HOLDS((1.0 - a).values()[3] == -3 && (a - 1.0).values()[0] == 0 && (2.0 * a).values()[1] == 4);
    HOLDS((a + 1.0).values()[0] == 2 && (1.0 + a).values()[0] == 2 && (a - b).values()[0] == 0.5);
    HOLDS(sum(ct::call(ct_cast, a > 2.0, CT_F64)).item() == 2);
    HOLDS((2.0 <= a).values()[1] == 1 && (a < b).values()[0] == 0 && (a >= a).values()[0] == 1);
    HOLDS(matmul(a, a).values()[3] == 22 && pow(a, 2).values()[3] == 16);
    ct::tensor rows = ct::call(ct_softmax, a, 1);
    HOLDS(near(rows.values()[0] + rows.values()[1], 1));
    HOLDS(ct::call(ct_reshape, a, CT_SHAPE(4)).shape().size() == 1);
}

static void handles(const ct::context &cx)
{
    ct_memory before = memory_of(cx);
    {
        ct::tensor x = cx.values({ 1, 2 }), copy = x, moved = std::move(copy);
        for (int i = 0; i < 100; i++)
            x = x * 0.5 + 1.0;
        HOLDS(!copy && moved.values()[0] == 1 && near(x.values()[0], 2));
        ct::tensor &same = moved;
        moved = same;
        x = ct::tensor();
        HOLDS(moved.values()[1] == 2 && !x);
    }
    ct_memory after = memory_of(cx);
    HOLDS(after.tensors == before.tensors && after.live_bytes == before.live_bytes);
    HOLDS(after.scopes == before.scopes);
}

static void derivatives(const ct::context &cx)
{
    ct::tensor x = variable(cx.scalar(3));
    ct::tensor y = x * sin(x);
    y.backward();
    HOLDS(near(x.gradient().item(), std::sin(3.0) + 3 * std::cos(3.0)) && x.requires_grad());
    x.zero_grad();
    HOLDS(!x.gradient());
    ct::tensor dy = ct::gradients(y, { x }, CT_CREATE_GRAPH)[0];
    HOLDS(near(ct::gradients(dy, { x })[0].item(), 2 * std::cos(3.0) - 3 * std::sin(3.0)));
    {
        ct::no_grad off(cx);
        HOLDS(!(x * x).requires_grad());
    }
    HOLDS((x * x).requires_grad() && !detach(x * x).requires_grad());
    ct::callback f([](const std::vector<ct::tensor> &v) { return sum(v[0] * v[0] * v[0]); });
    ct::tensor h = ct::call(ct_hessian, cx, f.c, &f, cx.values({ 1, 2 }));
    HOLDS(h.text() == "f64 (2,2) [[6, 0], [0, 12]]");
}

static void training(const ct::context &cx)
{
    ct::module net(ct::call(ct_linear_new, cx, CT_F64, 1, 1, nullptr));
    ct::tensor x = ct::call(ct_linspace, cx, CT_F64, -1, 1, 21);
    x = ct::call(ct_unsqueeze, x, 1);
    std::vector<ct_tensor *> p = net.parameters();
    ct::optimizer sgd(ct::call(ct_sgd_new, p.data(), int(p.size()), 0.3, nullptr));
    for (int step = 0; step < 200; step++) {
        mse(net(x), 3.0 * x + 1.0).backward();
        ct::call(ct_optimizer_step, sgd);
    }
    HOLDS(std::fabs(ct::tensor(ct_module_parameter(net, "weight")).item() - 3) < 1e-6);
    ct::optimizer other(std::move(sgd));
    HOLDS(!sgd && other);
}

static void errors(const ct::context &cx)
{
    ct::tensor a = cx.values({ 1, 2 }), b = cx.values({ 1, 2, 3 });
    ct::callback bad([&](const std::vector<ct::tensor> &x) { return a * b + x[0]; });
#if defined(CT_RESULTS) || !defined(__cpp_exceptions)
    ct::tensor y = sin(a + b) * 2.0;
    HOLDS(!y && !cx.ok() && cx.code() == CT_ERROR_SHAPE && cx.text().find("add") == 0);
    cx.clear();
    HOLDS(!ct::call(ct_jacobian, cx, bad.c, &bad, a) && cx.code() == CT_ERROR_SHAPE);
    cx.clear();
#else
    try {
        a = sin(a + b) * 2.0;
        HOLDS(!"an error was not thrown");
    } catch (const ct::error &e) {
        HOLDS(e.code == CT_ERROR_SHAPE && std::string(e.what()).find("add") == 0);
    }
    HOLDS(cx.ok() && a.values()[1] == 2);
    try {
        ct::call(ct_jacobian, cx, bad.c, &bad, a);
        HOLDS(!"an error of a callback was not thrown");
    } catch (const ct::error &e) {
        HOLDS(std::string(e.what()).find("mul") != std::string::npos);
    }
    try {
        (void)(ct::tensor() * a);
        HOLDS(!"an empty handle was taken");
    } catch (const ct::error &e) {
        HOLDS(e.code == CT_ERROR_NULL);
    }
#endif
    HOLDS(cx.ok());
}

int main()
{
    ct_context_options options = {};
    options.pool_bytes = -1;
    ct::context cx(options);
    values(cx);
    handles(cx);
    derivatives(cx);
    training(cx);
    errors(cx);
    HOLDS(cx.ok() && memory_of(cx).tensors == 0);
    std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
