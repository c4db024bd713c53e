/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For LD_PRELOAD, before libfaketime (faketime.py). libfaketime 0.9.10 hands timerfd_settime a negative time
 * for an absolute time that has passed: it fails, and nothing fires. Boost.Asio asks for that whenever its
 * next timer is due already, as all are when the clock is stepped while it sets one. Asio's other times are
 * relative, and libfaketime does not change those: all go to the kernel as they are.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int timer, int flags, const struct itimerspec* wanted, struct itimerspec* before) {
  return (int)syscall(SYS_timerfd_settime, timer, flags, wanted, before);
}
