// Containers, globals, and what would be calls in Python.
#include "stockpot/base/text.h"
#include "stockpot/pickle/machine.h"

namespace stockpot {

void PickleMachine::append(std::span<const PickleIndex> items) {
  const PickleIndex target = top();
  const PickleValue found = value(target);
  // A subclass of list: the record stays, its items mean nothing to anybody.
  if (found.is(PickleKind::record) && found.known() == Known::none) return;
  if (!found.is(PickleKind::list)) fail_target("a list", target);
  arena_.add(target, items);
}

void PickleMachine::set_items(std::span<const PickleIndex> pairs) {
  const PickleIndex target = top();
  const PickleValue found = value(target);
  const bool subclass = found.is(PickleKind::record) && found.known() == Known::none;
  if (!found.is(PickleKind::dict) && !subclass) fail_target("a dict", target);
  if (pairs.size() % 2 != 0) fail("a key without a value");
  arena_.add(target, pairs);
}

void PickleMachine::add_items() {
  const std::vector<PickleIndex> items = pop_mark();
  const PickleIndex target = top();
  if (!value(target).is(PickleKind::set)) fail_target("a set", target);
  arena_.add(target, items);
}

void PickleMachine::tuple_of(std::size_t count) {
  PickleIndex items[3];
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  push(arena_.tuple({items, count}));
}

void PickleMachine::global_line() {
  const std::string_view module = line(), name = line();
  if (!is_utf8(module) || !is_utf8(name)) fail("a name that is not UTF-8");
  push(arena_.global(module, name));
}

void PickleMachine::stack_global() {
  const PickleIndex name = pop(), module = pop();
  for (const PickleIndex part : {module, name}) {
    if (!value(part).is(PickleKind::text)) fail_target("a str as name", part);
    // Bounded, since a pickle may name the same long text again and again.
    if (value(part).text().size() > kLongestLine) fail("a name longer than 4096 bytes");
    if (!is_utf8(value(part).text())) fail("a name that is not UTF-8");
  }
  push(arena_.global(value(module).text(), value(name).text()));
}

void PickleMachine::call(std::string_view wanted) {
  const PickleIndex args = pop(), callable = pop();
  if (!value(callable).is(PickleKind::global)) fail_target(wanted, callable);
  if (!value(args).is(PickleKind::tuple)) fail_target("a tuple of arguments", args);
  const Known known = value(callable).known();
  if (known == Known::ordered_dict || known == Known::counter)
    push(make_dict(callable, args));
  else
    push(arena_.record(callable, args));
}

void PickleMachine::reduce() { call("a class or function"); }

// OrderedDict() and Counter(), and their older forms that pass the contents: a dict, or a list
// of pairs (Python 2).
PickleIndex PickleMachine::make_dict(PickleIndex callable, PickleIndex args) {
  const PickleIndex dict = arena_.container(PickleKind::dict, value(callable).known());
  const PickleValue given = value(args);
  if (given.size() > 1) fail(value(callable).describe() + " takes one argument at most");
  if (given.size() == 0 || arena_.broken() != PickleArena::Limit::none) return dict;
  const PickleValue contents = given.item(0);
  std::vector<PickleIndex> pairs;
  if (contents.is(PickleKind::dict)) {
    for (std::size_t i = 0; i < contents.size(); ++i) {
      pairs.push_back(contents.key(i).id());
      pairs.push_back(contents.value(i).id());
    }
  } else if (contents.is(PickleKind::list)) {
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const PickleValue pair = contents.item(i);
      const bool fits = pair.is(PickleKind::list) || pair.is(PickleKind::tuple);
      if (!fits || pair.size() != 2) fail_target("a pair of key and value", pair.id());
      pairs.push_back(pair.item(0).id());
      pairs.push_back(pair.item(1).id());
    }
  } else {
    fail_target("a dict or a list of pairs", contents.id());
  }
  arena_.add(dict, pairs);
  return dict;
}

void PickleMachine::new_object(bool keywords) {
  if (keywords) {
    const PickleIndex named = pop();
    if (!value(named).is(PickleKind::dict)) fail_target("a dict of arguments", named);
  }
  call("a class");
}

void PickleMachine::build() {
  const PickleIndex state = pop(), target = top();
  const PickleValue found = value(target);
  // The attributes of an OrderedDict (torch's _metadata) say nothing about its contents.
  if (found.is(PickleKind::dict) && found.known() != Known::none) return;
  const bool inert = found.is(PickleKind::record) &&
                     (found.known() == Known::none || found.known() == Known::parameter_class);
  if (!inert) fail_target("an object", target);
  if (found.state()) fail("the object has a state already");
  arena_.set_state(target, state);
}

void PickleMachine::persistent() {
  const PickleIndex id = pop();
  const PickleValue found = value(id);
  if (!found.is(PickleKind::tuple)) fail_target("a tuple as persistent id", id);
  // ('module', class, file, source text): so torch saved classes before 1.6, for a warning when
  // their source had changed. The class alone counts.
  const bool source = found.size() > 1 && found.item(0).is(PickleKind::text) &&
                      found.item(0).text() == "module" && found.item(1).is(PickleKind::global);
  push(source ? found.item(1).id() : arena_.persistent(id));
}

}  // namespace stockpot
