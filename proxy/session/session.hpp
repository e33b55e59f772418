// One client's session. run() is its life, top to bottom: log in, then until it quits read a command, decide,
// carry out, answer. What each action does is in exchange.cpp (forward), spooled_write.cpp (spool),
// transactions.cpp (collect) and local_answers.cpp.
//
// Invariant: between two commands the session holds at most one server link, no half-sent answer and no
// ticket; a command's bytes stay in the client's buffer until it is answered, so that it can be decided anew.
#pragma once

#include "protocol/proxy_header.hpp"
#include "protocol/response_tracker.hpp"
#include "proxy/net/stream_io.hpp"
#include "proxy/session/client_command.hpp"
#include "proxy/session/decide.hpp"
#include "proxy/session/link.hpp"
#include "proxy/session/local_reads.hpp"
#include "proxy/session/outcomes.hpp"
#include "proxy/session/read_copy.hpp"
#include "proxy/session/relayed_login.hpp"
#include "proxy/session/session_state.hpp"
#include "proxy/session/worker.hpp"
#include "proxy/session/write_drafts.hpp"
#include "spool/error.hpp"
#include "spool/unit.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

class own_reads;
class pool_turn;
class replica_reads;

class session : public std::enable_shared_from_this<session>, private session_outcomes {
 public:
  // `inner`: the client is one of our own (warming/).
  session(worker& home, stream_socket::native_handle_type client, std::optional<bool> accepted = {},
          bool inner = false);

  task<> run();
  // Ends the session soon. On its worker's thread, from outside of its coroutine.
  void stop();
  // Its worker takes leave of its sessions (worker::leave_taking).
  void take_leave();

 private:
  friend class own_reads;
  friend class replica_reads;
  // login.cpp
  task<bool> log_in();
  [[nodiscard]] bool server_greets();
  task<bool> meet_for_client();
  task<link_attempt> own_link();
  [[nodiscard]] bool is_good(link_attempt& waiting);
  task<> leave_unused();
  task<entry> come_in();
  task<entry> enter_account(std::string_view offered_plugin, std::uint8_t sequence);
  task<bool> meet_server();
  task<entry> authenticate(std::string_view offered_plugin, std::uint8_t sequence);
  task<entry> open_session();
  task<bool> deny(client_error which, std::string_view text, std::uint8_t sequence);
  [[nodiscard]] bool fits(const server_link& link) const;
  // The server tells more of the session than the client asked for.
  [[nodiscard]] bool hides_changes() const;

  // login_ok.cpp
  void append_login_ok(protocol::byte_buffer& out, std::uint8_t sequence, protocol::byte_span from_server);
  [[nodiscard]] std::string_view login_info(std::string_view said) const;
  [[nodiscard]] bool proves_certificate();

  // relay_login.cpp
  task<entry> relay_login(std::uint8_t sequence);
  task<entry> relay_authentication(relayed_login& login);
  void finish_relayed_login(protocol::byte_buffer& out, std::uint8_t sequence, protocol::byte_span ok);
  [[nodiscard]] bool proof_fits_server() const;
  [[nodiscard]] bool shares_challenge() const;
  void keep_lasting_salt(protocol::byte_span auth_switch);

  // change_user.cpp
  task<verdict> change_user();
  [[nodiscard]] bool can_relay_change() const;
  task<entry> relay_change_user(const protocol::byte_buffer& command);

  // relay_socket.cpp, client_address.cpp
  task<bool> proved_by_client();
  task<bool> take_proxy_header();
  [[nodiscard]] std::string client_address() const;

  // encrypt.cpp, compress.cpp
  [[nodiscard]] protocol::capabilities own_offers(const protocol::greeting& hello);
  task<bool> encrypt_client(std::uint8_t sequence);
  task<bool> secure_enough(std::uint8_t sequence);
  task<bool> compressible(protocol::capabilities offered, std::uint8_t sequence);
  void compress_client();

  // relay_password.cpp
  [[nodiscard]] std::string_view why_not_relayable(std::string_view plugin) const;
  task<bool> follow_switch(relayed_login& login, const protocol::byte_buffer& payload);
  [[nodiscard]] bool must_carry_password(const relayed_login& login, protocol::byte_span said) const;
  task<bool> carry_password(relayed_login& login, std::uint8_t server_sequence);
  task<bool> unseal_password(const relayed_login& login, message& shown);

  // session.cpp
  task<bool> read_command();
  bool look_at_command();
  [[nodiscard]] bool may_leave() const;
  [[nodiscard]] bool is_unwelcome() const;
  task<verdict> collect_command();
  task<bool> serve_command();
  void measure(const command_facts& facts, action what, steady_time began);
  [[nodiscard]] std::string shown_command(const command_facts& facts); // for the log
  task<verdict> act(const decision& chosen, const command_facts& facts);
  task<bool> carry_out(const decision& chosen);
  [[nodiscard]] command_facts describe(bool up);
  void apply_rules(command_facts& facts);
  [[nodiscard]] rule_effects ruled(std::string_view text, std::string_view database) const;
  [[nodiscard]] std::chrono::milliseconds hold_time() const;
  [[nodiscard]] situation look_around(const command_facts& facts, const server_view& server);
  void check_idle_link();
  void drop_stale_link();
  void drop_link();
  void leave_server();
  void spend_command();
  task<> hold_while(bool (session::*condition)() const);
  [[nodiscard]] bool server_is_suspect() const; // ... and no reads go on
  [[nodiscard]] bool suspicion_stands() const;
  [[nodiscard]] bool server_is_draining() const;
  [[nodiscard]] bool pause_lasts() const { return !limit_.expired(); }
  [[nodiscard]] bool held_out() const { return hold_limit_.expired(); }

  // exchange.cpp
  task<verdict> forward(const command_facts& facts);
  task<trip> exchange_with_server(const command_facts& facts);
  task<trip> send_command(protocol::byte_span bytes);
  task<trip> send_framed(protocol::byte_span payload);
  task<bool> send_to_server(protocol::byte_span bytes);
  [[nodiscard]] bool is_replaced();
  bool keep_waiting(std::optional<steady_time>& doomed);
  task<trip> stream_command();
  task<trip> await_start();
  task<trip> relay_answer();
  [[nodiscard]] protocol::byte_span without_changes(protocol::byte_span taken);
  task<trip> wait_for_answer();
  task<trip> tunnel();
  task<verdict> give_up_server();

  // local_file.cpp
  [[nodiscard]] bool wants_file_unasked();
  task<trip> upload_local_file();

  // client_pace.cpp
  [[nodiscard]] std::chrono::milliseconds pace(std::string_view name, std::chrono::milliseconds least) const;
  task<bool> send_to_client(protocol::byte_span bytes);
  task<bool> receive_from_client();
  void give_up_client(std::string_view why);

  // conclude.cpp, noted_answer.cpp
  task<verdict> conclude(trip how, const command_facts& facts);
  task<verdict> conclude_cut();
  task<verdict> conclude_lost(trip how, const command_facts& facts);
  [[nodiscard]] bool refused_for_now(), is_cut_off_harmlessly();
  void notice_not_now();
  task<trip> relay_noted_answer();
  void note_in(std::size_t at, protocol::byte_span payload);
  void leave_note();

  // reach_server.cpp
  task<link_attempt> reach_server(const protocol::handshake_response& as);
  task<link_attempt> find_server(const protocol::handshake_response& as);
  task<link_attempt> reuse_link(const protocol::handshake_response& as);
  task<bool> refuse_by_server(bool with_password, std::uint8_t sequence);
  void give_back_link();

  // shared_link.cpp
  [[nodiscard]] bool may_lend();
  [[nodiscard]] bool lend_link();
  void take_back_link();
  void leave_lent_link();
  task<bool> await_place(link_attempt& attempt, deadline& patience, pool_turn& mine);

  // statements.cpp
  // Makes a statement that the command names ready on this server connection. Not null: the command is done.
  task<std::optional<verdict>> ready_statement();
  task<std::optional<verdict>> ready_to_execute(prepared_statement& one);
  task<remake> prepare_again(prepared_statement& one);
  task<remake> prepare_text(prepared_statement& one);
  task<verdict> lost_while_preparing();
  task<bool> send_kept_long_data(prepared_statement& one);
  task<bool> lead(const std::vector<std::string>& statements);
  task<bool> restore_statements();
  task<bool> restore_named(const named_statement& one);
  void follow_statement();
  void translate_statement(prepared_statement* one);
  void rename_statement();
  void remember_statement();
  void forget_unsent();
  void apply_execute_effects();
  [[nodiscard]] std::uint64_t hash_of_definitions(const protocol::text_result_set& columns) const;
  void apply_prepare_effects(const protocol::sql::statement& one, std::string_view text, bool failed);
  [[nodiscard]] command_facts with_statement(command_facts facts);
  [[nodiscard]] bool lacks_types(const prepared_statement& one) const;

  // local_statements.cpp
  using bound_values = std::vector<spool::parameter>;
  void look_at_write(command_facts& facts);
  [[nodiscard]] bool analyze_write();
  void look_at_execute(command_facts& facts);
  void look_at_named_execute(command_facts& facts);
  [[nodiscard]] bool is_plain() const;
  void take_as_text(command_facts& facts);
  [[nodiscard]] std::string named_text() const;
  [[nodiscard]] std::string why_not_executed_here(const prepared_statement& one) const;
  task<bool> prepare_locally();
  task<bool> prepare_named_locally(), deallocate_locally();
  task<bool> reset_statement();
  void keep_long_data();
  task<> use_up_long_data();
  void lose_long_data(std::uint32_t statement);
  task<> close_at_server(prepared_statement& one);
  [[nodiscard]] std::optional<std::vector<bound_values>> read_bound_values(std::string& reason);
  [[nodiscard]] std::string shape_of_write(const bound_values& values) const;

  // kill.cpp
  bool notice_ids(std::string_view text);
  [[nodiscard]] const command_facts* known_read(std::string_view text);
  void notice_words(std::string_view text);
  [[nodiscard]] bool executes_kill();
  [[nodiscard]] kill_plan plan_kill();
  [[nodiscard]] std::string_view kill_text();
  task<verdict> kill_without_server(const kill_plan& plan);
  task<bool> kill_locally();
  void settle_kill(const kill_plan& plan, bool answered);

  // cached_reads.cpp, cached_answers.cpp
  void begin_copy(const command_facts& facts);
  [[nodiscard]] bool is_lasting(const command_facts& facts, const prepared_statement* executed);
  void copy_answer(protocol::byte_span part);
  void forget_what_was_refused();
  void keep_copy(protocol::byte_span answer);
  void notice_rights();
  [[nodiscard]] const asker* asker_of_reads();
  [[nodiscard]] bool make_read_key();
  [[nodiscard]] bool append_execution(key_writer& key);
  [[nodiscard]] bool may_seek(const command_facts& facts, const server_view& server);
  [[nodiscard]] bool reads_are_away(const server_view& server) const;
  [[nodiscard]] bool executes_plainly() const;
  task<> seek_behind_memory();
  void find_cached(const command_facts& facts, situation& now);
  task<bool> answer_cached(), prepare_cached();
  task<bool> bring_to_memory(const std::string& key);

  // relink.cpp, last_insert_id.cpp
  task<verdict> ensure_link();
  task<bool> server_sent_away();
  task<verdict> retry_later();
  task<bool> restore_session(bool fresh_autocommit);
  void apply_effects(const command_facts& facts);
  [[nodiscard]] bool may_learn(const command_facts& facts);
  void apply_command_effects(const command_facts& facts);
  void follow_told(bool by_set);
  void apply_query_effects();
  void apply_failure();
  void apply_statement_effects(const protocol::sql::statement& one, std::string_view text, bool failed);
  task<> learn_variables();
  void follow_last_id(const command_facts& facts);
  void know_last_id(std::optional<bool> made_by_server);
  void lose_last_id();
  task<bool> learn_the_rest();
  task<bool> tell_insert_id();
  std::optional<bool> note_insert(const protocol::sql::statement& one, std::string_view text);

  // spooled_write.cpp
  task<verdict> spool_write();
  [[nodiscard]] std::optional<writes_draft> make_writes(write_refusal& why);
  [[nodiscard]] std::optional<write_draft> make_write(bound_values values, write_refusal& why);
  [[nodiscard]] spool::unit make_unit(std::vector<spool::statement> statements) const;
  task<verdict> append_unit(spool::unit& what, const spooled_ok& promised);
  task<bool> wait_for_ticket(ticket& one);
  task<verdict> answer_ticket(ticket& one, const spooled_ok& promised);
  task<bool> answer_applied(const std::vector<spool::statement_answer>& said, bool updates_duplicates);
  task<verdict> answer_failed_append(const spool::failure& why, bool commits);

  // several_writes.cpp
  task<verdict> spool_several();
  task<verdict> take_several(several_drafts& drafts, bool collects);
  [[nodiscard]] std::optional<several_drafts> make_several(write_refusal& why);
  [[nodiscard]] std::optional<write_draft> make_one_of_several(write_refusal& why);

  // transactions.cpp
  [[nodiscard]] bool may_collect(const std::vector<spool::statement>& more);
  task<bool> collect_statement(spool::statement& one, const spooled_ok& promised);
  [[nodiscard]] const protocol::sql::analysis& analyze_command();
  void open_collected(const protocol::sql::statement& begin);
  task<bool> begin_collected(), tell_lost_transaction();
  [[nodiscard]] bool decided_otherwise();
  task<verdict> collect_write();
  task<verdict> commit_collected();
  task<verdict> rollback_collected();
  [[nodiscard]] bool follow_commit();
  task<bool> savepoint_collected();
  task<bool> fail_transaction(client_error which, std::string_view reason);
  void part_from_server();
  [[nodiscard]] std::uint16_t told_status() const;

  // snapshot.cpp
  [[nodiscard]] bool one_snapshot() const;
  [[nodiscard]] bool bound_by_reads() const;
  task<verdict> open_snapshot();
  task<> leave_snapshot();
  task<> settle_collected();
  task<> hand_over_snapshot();

  // put_on_server.cpp
  task<verdict> put_on_server();
  task<transfer> replay_collected(const collected_transaction& mine, std::string& refusal);
  void add_statement(const spool::statement& one, const std::optional<spool::statement_context>& current,
                     std::vector<std::string>& steps);
  task<bool> no_insert_id_left();
  task<bool> return_to_session(const collected_transaction& mine, bool failed);

  // local_answers.cpp: what they say is named by the caller, GCC 12 breaks temporaries of awaited calls
  task<bool> answer(const protocol::byte_buffer& bytes);
  task<bool> answer_ok();
  task<bool> answer_error(client_error which, std::string_view text);
  task<bool> answer_error_at(std::uint8_t sequence, client_error which, std::string_view text);
  task<bool> answer_noted(const std::string& note, std::uint64_t rows, std::uint64_t insert_id);
  task<bool> answer_returned(const protocol::text_result_set& rows, const std::string& note);
  void keep_insert_id(std::uint64_t id);
  task<bool> answer_read();
  [[nodiscard]] bool find_read(const command_facts& facts);
  task<bool> set_locally(), use_locally();

  [[nodiscard]] services& process() { return home_.process(); }
  [[nodiscard]] std::optional<protocol::query_text> query_text() const;
  worker& home_;
  const bool inner_;
  wakeup wake_;
  std::shared_ptr<transport> client_;
  std::optional<server_link> link_;
  deadline limit_{wake_};      // of whatever the session is waiting for
  deadline hold_limit_{wake_}; // of the current command's hold
  deadline pace_limit_{wake_}; // of the client's next move
  deadline lend_limit_{wake_}; // of keeping a silent session's link for what its last answer has left to ask
  std::uint64_t lent_ = 0;     // the link that the pool has meanwhile, 0: none
  bool keeps_link_ = false;    // the client knows the connection's id
  bool stopping_ = false, entered_ = false; // entered: it has logged in
  steady_time rests_since_{};               // when it last had answered
  bool quits_ = false;                      // the client said COM_QUIT
  // The server hung up on the idle session; when that connection was opened. Of a plain proxy only.
  std::optional<std::chrono::steady_clock::time_point> sent_away_;

  // who
  protocol::proxy_header client_end_; // its address and the one it connected to, as far as they are known
  std::uint32_t connection_id_ = 0;   // ours, as the greeting told the client
  protocol::handshake_response login_;
  protocol::capabilities negotiated_ = 0; // with client and server alike
  protocol::compression client_compression_ = protocol::compression::none;
  std::shared_ptr<session_record> record_; // for KILL, as the link's is
  const account* known_ = nullptr;         // null: relayed
  session_state state_;

  // the connection phase, also of COM_CHANGE_USER
  std::optional<link_attempt> greeted_; // the server connection whose greeting the client has, not logged in
  protocol::challenge salt_{};
  std::uint8_t login_sequence_ = 0; // of the answer that ends it
  std::string certificate_proof_;   // for its OK, empty: none

  client_command command_; // and what belongs to it
  protocol::byte_buffer collected_;
  protocol::byte_buffer translated_; // the payload to send instead of the client's, empty: none
  protocol::byte_buffer refusal_;
  std::uint32_t told_id_ = 0; // what the client was told instead of the server's id, 0: nothing
  protocol::response_tracker tracker_;
  protocol::byte_buffer shown_;       // instead of the server's bytes, where something is hidden
  bool held_ = false;                 // it has begun to wait
  protocol::byte_buffer rewritten_;   // what is sent instead of it, a KILL with the server's id
  std::uint64_t looked_at_ = 0;       // when the client last looked at the server's connections
  bool looks_prepared_ = false;       // it has prepared a statement that does
  std::vector<std::string> to_learn_; // variables whose new value only the server knows

  // what the client must still be told
  bool transaction_lost_ = false;
  bool stale_ = false;               // the open transaction has read what lacked queued writes
  bool id_owed_ = false;             // the server connection does not know last_insert_id_
  std::uint64_t last_insert_id_ = 0; // as LAST_INSERT_ID() would tell it
  diagnostic said_; // what the previous statement left for SHOW WARNINGS, when it was answered here

  write_at_hand write_;
  bool more_follows_ = false;                     // another answer to the same command
  bool told_error_ = false;                       // by the last answer
  std::optional<protocol::text_result_set> read_; // the answer to the current command
  read_copy copy_;                                // of what the server answers to it
  cached_read cached_;                            // what is answered to it instead of the server
  std::shared_ptr<replica_reads> replicas_;       // null: there are none
  std::shared_ptr<own_reads> own_;                // null: cache.own_writes is false
  std::string spool_refusal_, not_spoolable_;     // the sentences that a situation points to
};
} // namespace holdwater::proxy
