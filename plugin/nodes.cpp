// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstring>
#include <utility>

#include "adapters/addresses/node_address.hpp"
#include "plugin/tox_async_impl.hpp"

using namespace toxasync;

namespace {

Tox_Err_Async_Node_Add add_node(Tox_Async& async, const char* line) {
  const auto node = parse_node_address(line);
  if (!node) {
    async.telemetry.log(LogLevel::error, "nodes", describe(node.error()));
    return TOX_ERR_ASYNC_NODE_ADD_BAD_LINE;
  }
  const auto added = async.manager->add_home_node(*node);
  if (added) {
    return TOX_ERR_ASYNC_NODE_ADD_OK;
  }
  return added.error() == manager::NodeError::too_many ? TOX_ERR_ASYNC_NODE_ADD_TOO_MANY
                                                       : TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS;
}

/// The value that `read` returns for the node with that index; Value{} if there is none.
template <class Read>
auto of_node(const Tox_Async* async, std::uint32_t index, Read&& read) noexcept {
  using Value = decltype(read(manager::HomeNodeStatus{}));
  return guarded(Value{}, [&] {
    const auto nodes = async->manager->home_nodes();
    return index < nodes.size() ? read(nodes[index]) : Value{};
  });
}

}  // namespace

bool tox_async_node_add(Tox_Async* async, const char* address_line, Tox_Err_Async_Node_Add* error) {
  const auto failed =
      async == nullptr || address_line == nullptr
          ? TOX_ERR_ASYNC_NODE_ADD_NULL
          : guarded(TOX_ERR_ASYNC_NODE_ADD_MALLOC, [&] { return add_node(*async, address_line); });
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_NODE_ADD_OK;
}

bool tox_async_node_remove(Tox_Async* async, const uint8_t* node_id, Tox_Err_Async_Node_Remove* error) {
  auto failed = TOX_ERR_ASYNC_NODE_REMOVE_NULL;
  if (async != nullptr && node_id != nullptr) {
    failed = guarded(TOX_ERR_ASYNC_NODE_REMOVE_MALLOC, [&] {
      const auto id = id_from<protocol::NodeId>({node_id, TOX_ASYNC_NODE_ID_SIZE});
      return async->manager->remove_home_node(id) ? TOX_ERR_ASYNC_NODE_REMOVE_OK
                                                  : TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND;
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_NODE_REMOVE_OK;
}

uint32_t tox_async_node_get_count(const Tox_Async* async) {
  return guarded(std::uint32_t{0},
                 [&] { return static_cast<std::uint32_t>(async->manager->home_nodes().size()); });
}

bool tox_async_node_get_id(const Tox_Async* async, uint32_t index, uint8_t* node_id) {
  return of_node(async, index, [&](const manager::HomeNodeStatus& node) {
    std::copy(node.node.id.begin(), node.node.id.end(), node_id);
    return true;
  });
}

bool tox_async_node_get_address_line(const Tox_Async* async, uint32_t index, char* line, size_t size) {
  return of_node(async, index, [&](const manager::HomeNodeStatus& node) {
    const std::string text = format_node_address(node.node);
    if (text.size() >= size) {
      return false;
    }
    std::memcpy(line, text.c_str(), text.size() + 1);
    return true;
  });
}

bool tox_async_node_get_picked(const Tox_Async* async, uint32_t index) {
  return of_node(async, index, [](const manager::HomeNodeStatus& node) { return node.picked; });
}

bool tox_async_node_get_answered(const Tox_Async* async, uint32_t index) {
  return of_node(async, index, [](const manager::HomeNodeStatus& node) { return node.status.answered; });
}

uint64_t tox_async_node_get_last_answer(const Tox_Async* async, uint32_t index) {
  return of_node(async, index,
                 [](const manager::HomeNodeStatus& node) { return since_1970_s(node.status.last_answer); });
}

int64_t tox_async_node_get_clock_difference(const Tox_Async* async, uint32_t index) {
  return of_node(async, index,
                 [](const manager::HomeNodeStatus& node) { return node.status.clock_ahead.count(); });
}

uint32_t tox_async_node_get_failures(const Tox_Async* async, uint32_t index) {
  return of_node(async, index,
                 [](const manager::HomeNodeStatus& node) { return node.status.failures_in_a_row; });
}

uint64_t tox_async_node_get_capacity(const Tox_Async* async, uint32_t index) {
  return of_node(async, index,
                 [](const manager::HomeNodeStatus& node) { return node.status.capacity_bytes; });
}

bool tox_async_get_node_id(const Tox_Async* async, uint8_t* node_id) {
  if (async->own_node && node_id != nullptr) {
    const auto& id = async->own_node->keys().id();
    std::copy(id.begin(), id.end(), node_id);
  }
  return async->own_node != nullptr;
}

uint64_t tox_async_get_node_capacity(const Tox_Async* async) {
  return async->own_node ? async->own_node->capacity_bytes() : 0;
}

uint64_t tox_async_get_node_messages(const Tox_Async* async) {
  return guarded(std::uint64_t{0}, [&] {
    return async->own_node ? std::as_const(*async->own_node).store().stats().messages : std::uint64_t{0};
  });
}

uint64_t tox_async_get_node_bytes(const Tox_Async* async) {
  return guarded(std::uint64_t{0}, [&] {
    return async->own_node ? std::as_const(*async->own_node).store().stats().bytes : std::uint64_t{0};
  });
}

uint32_t tox_async_stats_get_count(void) {
  return counter_count;
}

const char* tox_async_stats_get_name(uint32_t index) {
  return index < counter_count ? name(static_cast<Counter>(index)).data() : nullptr;
}

uint64_t tox_async_stats_get_value(const Tox_Async* async, uint32_t index) {
  return index < counter_count ? async->metrics.value(static_cast<Counter>(index)) : 0;
}

bool tox_async_stats_find(const Tox_Async* async, const char* name, uint64_t* value) {
  if (async == nullptr || name == nullptr || value == nullptr) {
    return false;
  }
  for (std::uint32_t i = 0; i < counter_count; ++i) {
    if (std::strcmp(tox_async_stats_get_name(i), name) == 0) {
      *value = tox_async_stats_get_value(async, i);
      return true;
    }
  }
  return false;
}
