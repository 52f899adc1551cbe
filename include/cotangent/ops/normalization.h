/* Normalization: elements less their mean, over their standard deviation. The conventions of all
 * comments are at the top of ops.h. epsilon is not negative, and usually 1e-5. Of weight and bias
 * either may be NULL, which means 1 and 0. Results are right to rounding for elements of any size
 * (1e30 and 1e-30 in f32) and for elements that are nearly equal. */
#ifndef COTANGENT_OPS_NORMALIZATION_H
#define COTANGENT_OPS_NORMALIZATION_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Over the last axes */
/* y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, gweight = sum g h,
   gbias = sum g. mean and var (with divisor n) are over the last axes, whose sizes are `shape`, for
   example CT_SHAPE(512); the sums are over the axes before these. weight and bias have that shape.
   Ba, Kiros, Hinton 2016 */
ct_tensor *ct_layer_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                         ct_tensor *bias, double epsilon);

/* y = h weight, h = x / sqrt(mean x^2 + epsilon);
   gx = (e - h mean(e h)) / sqrt(mean x^2 + epsilon), e = g weight, gweight = sum g h. All else is
   as in ct_layer_norm. Zhang, Sennrich 2019 */
ct_tensor *ct_rms_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                       double epsilon);

/* -- Of each channel. x is (N,C,...), with any number of axes after the channels. weight and bias
 * are (C): each channel has a number of its own */
/* y = h weight + bias, h = (x - mean) / sqrt(variance + epsilon);
   gx = g weight / sqrt(variance + epsilon), gmean = -sum gx,
   gvariance = -sum (gx h) / (2 sqrt(variance + epsilon)), gweight = sum g h, gbias = sum g. mean
   and variance (C) are given; the sums are over all axes but that of the channels. This is what
   PyTorch's batch_norm does in use; ct_batch_norm_train is for training. Ioffe, Szegedy 2015 */
ct_tensor *ct_batch_norm(ct_tensor *x, ct_tensor *mean, ct_tensor *variance, ct_tensor *weight,
                         ct_tensor *bias, double epsilon);
/* y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, gweight = sum g h,
   gbias = sum g. mean and var (with divisor n) are those of each channel, over all other axes, as
   are the sums. results[0] is y, results[1] is mean x (C), and results[2] is var x (C): all of them
   can be differentiated. On failure all are NULL. A channel with a single element is an error. With
   N = 0 mean and var are NaN */
ct_status ct_batch_norm_train(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                              ct_tensor **results);
/* y = max(0, h weight + bias), h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g [y > 0] weight,
   gweight = sum g [y > 0] h, gbias = sum g [y > 0]. It is ct_batch_norm_train and ct_relu in one
   call: the results are the same, the gradients so to rounding, and there are fewer passes over
   memory. All else is as in ct_batch_norm_train */
ct_status ct_batch_norm_relu_train(ct_tensor *x, ct_tensor *weight, ct_tensor *bias,
                                   double epsilon, ct_tensor **results);
/* y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, gweight = sum g h,
   gbias = sum g. The channels are cut into so many groups of equal size, and mean and var (with
   divisor n) are those of a group of channels of one of the N, over C / groups channels and the
   axes after them. The sums are those of a channel. Wu, He 2018 */
ct_tensor *ct_group_norm(ct_tensor *x, int64_t groups, ct_tensor *weight, ct_tensor *bias,
                         double epsilon);
/* y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, gweight = sum g h,
   gbias = sum g. It is ct_group_norm with a group for each channel. A channel with a single element
   is an error. Ulyanov, Vedaldi, Lempitsky 2016 */
ct_tensor *ct_instance_norm(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon);

CT_API_END
#endif
