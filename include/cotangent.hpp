/* Cotangent from C++17: operators on values, handles that release themselves, and errors as
 * exceptions. It has nothing that C has not, and every function of C is called with ct::call:
 *
 *   ct::context cx;
 *   ct::tensor x = ct::variable(cx.values({ 1, 2, 3 }));
 *   ct::tensor y = sum(x * sin(x) + 1), z = ct::call(ct_softmax, x, 0);
 *   y.backward();
 *   std::vector<double> g = x.gradient().values();
 *
 * Handles. A ct::tensor retains its tensor, and releases it at its end; a copy is one more handle
 * of the same tensor. Temporaries of an expression are gone at its end, so no scope is needed.
 * Modules, optimizers and the like are moved and not copied. Every handle ends before its context
 * does. A handle converts to the pointer of C, and the result of a C function to a handle.
 *
 * Errors. A call that fails throws ct::error, with the code and the text of the context's error,
 * which is cleared. With CT_RESULTS defined before this header is included, or where exceptions are
 * switched off, nothing is thrown: a handle is empty (false), and so is what is computed of it, and
 * the context keeps the first error, as in C. */
#ifndef COTANGENT_HPP
#define COTANGENT_HPP
#include <cotangent.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(CT_RESULTS) || !defined(__cpp_exceptions)
#define CT__ERRORS results
#else
#define CT__ERRORS exceptions
#endif

namespace ct {
inline namespace CT__ERRORS {
/* -- Errors */
struct error : std::runtime_error {
    ct_status code;
    error(ct_status status, const std::string &text) : std::runtime_error(text), code(status) {}
};

/* throws what went wrong in cx, or with CT_RESULTS leaves it there */
inline void check(ct_context *cx, bool succeeded)
{
#if defined(CT_RESULTS) || !defined(__cpp_exceptions)
    (void)cx, (void)succeeded;
#else
    if (succeeded)
        return;
    error e(cx ? ct_error(cx) : CT_ERROR_NULL, ct_error_text(cx));
    ct_error_clear(cx);
    throw e;
#endif
}

/* -- Handles */
class tensor {
    ct_tensor *t = nullptr;

public:
    tensor() = default;
    tensor(ct_tensor *x) : t(ct_retain(x)) {}
    tensor(const tensor &x) : tensor(x.t) {}
    tensor(tensor &&x) noexcept : t(std::exchange(x.t, nullptr)) {}
    ~tensor() { ct_release(t); }
    tensor &operator=(tensor x) noexcept
    {
        std::swap(t, x.t);
        return *this;
    }
    operator ct_tensor *() const { return t; }
    explicit operator bool() const { return t != nullptr; }
    /* What it is, and what is in it */
    ct_dtype dtype() const { return ct_dtype_of(t); }
    int64_t size() const { return ct_count(t); }
    int ndim() const { return t ? ct_ndim(t) : 0; }
    std::vector<int64_t> shape() const { return { ct_shape(t), ct_shape(t) + ndim() }; }
    double item() const;                /* the one element */
    std::vector<double> values() const; /* all, in row-major order */
    std::string text() const;
    /* Derivatives */
    void backward() const;
    tensor gradient() const { return ct_gradient(t); } /* empty: nothing came */
    void zero_grad() const { ct_zero_grad(t); }
    bool requires_grad() const { return ct_requires_grad(t); }
    /* for the end of a callback of C: the tensor, which the innermost scope then owns */
    ct_tensor *give() const
    {
        ct_context *cx = ct_context_of(t);
        return ct_scope_return(cx, ct_scope_begin(cx), t);
    }
};

/* An object of C that is freed at the end of its handle. */
template <class T, void (*Free)(T *)> class object {
    T *o = nullptr;

public:
    object() = default;
    object(T *made) : o(made) {}
    object(object &&x) noexcept : o(std::exchange(x.o, nullptr)) {}
    object &operator=(object &&x) noexcept
    {
        std::swap(o, x.o);
        return *this;
    }
    ~object() { Free(o); }
    operator T *() const { return o; }
    explicit operator bool() const { return o != nullptr; }
};

struct module : object<ct_module, ct_module_free> {
    using object::object;
    tensor operator()(const tensor &x) const; /* ct_module_forward */
    std::vector<ct_tensor *> parameters() const
    {
        int n = 0;
        ct_tensor *const *p = ct_module_parameters(*this, &n);
        return { p, p + (p ? n : 0) };
    }
};
using optimizer = object<ct_optimizer, ct_optimizer_free>;
using average = object<ct_average, ct_average_free>;
using batches = object<ct_batches, ct_batches_free>;
using program = object<ct_program, ct_program_free>;
using table = object<ct_table, ct_table_free>;
using vocabulary = object<ct_vocabulary, ct_vocabulary_free>;

class context : public object<ct_context, ct_context_free> {
public:
    explicit context(const ct_context_options &options = {}) : object(ct_context_new(&options))
    {
#if defined(__cpp_exceptions) && !defined(CT_RESULTS)
        if (!*this)
            throw error(CT_ERROR_MEMORY, "a context needs memory, and options that were zeroed");
#endif
    }
    bool ok() const { return ct_error(*this) == CT_OK; }
    ct_status code() const { return ct_error(*this); }
    std::string text() const { return ct_error_text(*this); }
    void clear() const { ct_error_clear(*this); }
    tensor scalar(double value, ct_dtype dtype = CT_F64) const;
    /* without a shape, one dimension */
    tensor values(const std::vector<double> &values, std::vector<int64_t> shape = {},
                  ct_dtype dtype = CT_F64) const;
};

/* A scope of C, ended at the end of its block; no_grad switches recording off until then. */
class scope {
    ct_context *cx;
    ct_scope id;

public:
    explicit scope(ct_context *of) : cx(of), id(ct_scope_begin(of)) {}
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;
    ~scope() { ct_scope_end(cx, id); }
};
struct no_grad : scope {
    explicit no_grad(ct_context *cx) : scope(cx) { ct_no_grad(cx); }
};

/* -- Calls */
inline ct_context *context_of() { return nullptr; }
template <class First, class... Rest>
ct_context *context_of(const First &first, const Rest &...rest)
{
    ct_context *cx = nullptr;
    if constexpr (std::is_same_v<First, std::nullptr_t>)
        (void)first;
    else if constexpr (std::is_convertible_v<First, ct_context *>)
        cx = first;
    else if constexpr (std::is_convertible_v<First, ct_tensor *>)
        cx = ct_context_of(first);
    return cx ? cx : context_of(rest...);
}

/* f(arguments), a function of C, with its result checked: a tensor becomes a handle, and what else
   the function made for the innermost scope is gone. A text is valid until the next call */
template <class Result, class... Parameters, class... Arguments>
auto call(Result (*f)(Parameters...), const Arguments &...arguments)
{
    ct_context *cx = context_of(arguments...);
    if constexpr (std::is_same_v<Result, ct_tensor *>) {
        ct_scope inner = ct_scope_begin(cx);
        tensor y(f(arguments...));
        ct_scope_end(cx, inner);
        check(cx, bool(y));
        return y;
    } else if constexpr (std::is_void_v<Result>) {
        f(arguments...);
        check(cx, !cx || ct_error(cx) == CT_OK);
    } else {
        Result y = f(arguments...);
        if constexpr (std::is_same_v<Result, ct_status>)
            check(cx, y == CT_OK);
        else if constexpr (std::is_pointer_v<Result>)
            check(cx, y != nullptr);
        else
            check(cx, !cx || ct_error(cx) == CT_OK);
        return y;
    }
}

inline double tensor::item() const { return call(ct_item, *this); }
inline std::string tensor::text() const
{
    scope inner(ct_context_of(t));
    const char *text = call(ct_text, *this);
    return text ? text : "";
}
inline void tensor::backward() const { call(ct_backward, *this); }
inline std::vector<double> tensor::values() const
{
    std::vector<double> out(t ? size_t(size()) : 0);
    call(ct_to_doubles, *this, out.data(), int64_t(out.size()));
    return out;
}
inline tensor module::operator()(const tensor &x) const
{
    return call(ct_module_forward, *this, x);
}
inline tensor context::scalar(double value, ct_dtype dtype) const
{
    return call(ct_scalar, *this, dtype, value);
}
inline tensor context::values(const std::vector<double> &values, std::vector<int64_t> shape,
                              ct_dtype dtype) const
{
    if (shape.empty())
        shape.push_back(int64_t(values.size()));
    return call(ct_from_doubles, *this, dtype, shape.data(), int(shape.size()), values.data(),
                int64_t(values.size()));
}

/* -- Operators on values. Comparisons give bools for each element */
#define CT__OPERATOR(op, c_name, by_number, of_number)                                             \
    inline tensor operator op(const tensor &a, const tensor &b) { return call(c_name, a, b); }     \
    inline tensor operator op(const tensor &a, double b) { return by_number; }                     \
    inline tensor operator op(double a, const tensor &b) { return of_number; }
inline tensor like(const tensor &x, double value) { return call(ct_scalar_like, x, value); }
CT__OPERATOR(+, ct_add, call(ct_shift, a, b), call(ct_shift, b, a))
CT__OPERATOR(-, ct_sub, call(ct_shift, a, -b), call(ct_rsub, a, b))
CT__OPERATOR(*, ct_mul, call(ct_scale, a, b), call(ct_scale, b, a))
CT__OPERATOR(/, ct_div, call(ct_div, a, like(a, b)), call(ct_rdiv, a, b))
CT__OPERATOR(<, ct_lt, call(ct_lt, a, like(a, b)), call(ct_lt, like(b, a), b))
CT__OPERATOR(<=, ct_le, call(ct_le, a, like(a, b)), call(ct_le, like(b, a), b))
CT__OPERATOR(>, ct_gt, call(ct_gt, a, like(a, b)), call(ct_gt, like(b, a), b))
CT__OPERATOR(>=, ct_ge, call(ct_ge, a, like(a, b)), call(ct_ge, like(b, a), b))
#undef CT__OPERATOR
#define CT__UNARY(name) inline tensor name(const tensor &x) { return call(ct_##name, x); }
#define CT__BINARY(name) \
    inline tensor name(const tensor &a, const tensor &b) { return call(ct_##name, a, b); }
CT__UNARY(neg) CT__UNARY(exp) CT__UNARY(expm1) CT__UNARY(log) CT__UNARY(log1p) CT__UNARY(sqrt)
CT__UNARY(square) CT__UNARY(abs) CT__UNARY(sin) CT__UNARY(cos) CT__UNARY(tan) CT__UNARY(asin)
CT__UNARY(acos) CT__UNARY(atan) CT__UNARY(sinh) CT__UNARY(cosh) CT__UNARY(tanh) CT__UNARY(erf)
CT__UNARY(lgamma) CT__UNARY(sigmoid) CT__UNARY(relu) CT__UNARY(gelu) CT__UNARY(silu)
CT__UNARY(softplus) CT__UNARY(sum) CT__UNARY(mean) CT__UNARY(variable) CT__UNARY(detach)
CT__BINARY(matmul) CT__BINARY(pow) CT__BINARY(maximum) CT__BINARY(minimum) CT__BINARY(dot)
CT__BINARY(mse) CT__BINARY(cross_entropy)
#undef CT__UNARY
#undef CT__BINARY
inline tensor operator-(const tensor &x) { return neg(x); }
inline tensor pow(const tensor &x, double c) { return call(ct_power, x, c); }

/* dy/dx for each x, as ct_grad; with CT_CREATE_GRAPH they can be differentiated again */
inline std::vector<tensor> gradients(const tensor &y, const std::vector<tensor> &x,
                                     unsigned flags = 0)
{
    scope inner(ct_context_of(y));
    std::vector<ct_tensor *> of(x.begin(), x.end()), gx(x.size());
    call(ct_grad, y, nullptr, of.data(), int(of.size()), flags, gx.data());
    return std::vector<tensor>(gx.begin(), gx.end());
}

/* A function of C++ for functions of C that take one with a pointer: ct::callback f([](const
   std::vector<ct::tensor> &x) { return sum(sin(x[0])); }); ct::call(ct_hessian, cx, f.c, &f, x).
   What it throws becomes an error of the context */
template <class F> struct callback {
    F f;
    explicit callback(F function) : f(std::move(function)) {}
    static ct_tensor *c(ct_context *cx, ct_tensor *const *x, int n, void *user)
    {
#if defined(__cpp_exceptions)
        try {
            return tensor(static_cast<callback *>(user)->f({ x, x + n })).give();
        } catch (const std::exception &e) {
            ct_fail(cx, CT_ERROR_CALLBACK, "%s", e.what());
        } catch (...) {
            ct_fail(cx, CT_ERROR_CALLBACK, "the callback threw what is no std::exception");
        }
        return nullptr;
#else
        return (void)cx, tensor(static_cast<callback *>(user)->f({ x, x + n })).give();
#endif
    }
};

}} // namespace ct::CT__ERRORS
#endif
