// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/store_operations.hpp"

namespace toxasync::store {
namespace {

OpStatus status_of(JobFailure why) noexcept {
  return why == JobFailure::overloaded ? OpStatus::overloaded : OpStatus::failed;
}

}  // namespace

void PutOperation::fail(JobFailure why) noexcept {
  result = {why == JobFailure::full         ? PutStatus::store_full
            : why == JobFailure::overloaded ? PutStatus::overloaded
                                            : PutStatus::failed,
            {}};
}

void ListOperation::fail(JobFailure why) noexcept {
  result = {};
  result.status = status_of(why);
}

void RemoveOperation::fail(JobFailure why) noexcept {
  result = {status_of(why), 0};
}

void CancelOperation::fail(JobFailure why) noexcept {
  result = why == JobFailure::overloaded ? CancelStatus::overloaded : CancelStatus::failed;
}

}  // namespace toxasync::store
