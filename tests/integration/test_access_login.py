from __future__ import annotations

import asyncio

import httpx
from access_world import PASSWORD, People, people_of
from api_world import ApiWorld, running_api


async def log_in(world: ApiWorld, login: str, password: str = PASSWORD) -> httpx.Response:
    form = {"grant_type": "password", "username": login, "password": password}
    return await world.client.post("/v1/token", data=form)


async def refresh(world: ApiWorld, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await world.client.post("/v1/token", data=form)


async def who(world: ApiWorld, token: str) -> httpx.Response:
    return await world.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


async def test_a_person_logs_in_goes_on_and_logs_out(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        first = (await log_in(world, people.login("dispatcher"))).json()
        assert (await who(world, first["access_token"])).json()["role"] == "dispatcher"
        world.clock.advance(minutes=11)
        assert (await who(world, first["access_token"])).status_code == 401

        second = (await refresh(world, first["refresh_token"])).json()
        assert (await who(world, second["access_token"])).status_code == 200
        done = await world.client.post("/v1/token/revocation", data={"token": second["refresh_token"]})
        assert done.status_code == 204
        assert (await refresh(world, second["refresh_token"])).status_code == 400


async def test_a_refresh_token_used_twice_ends_the_session_it_belongs_to(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        first = (await log_in(world, people.login("dispatcher"))).json()["refresh_token"]
        second = (await refresh(world, first)).json()["refresh_token"]
        world.clock.advance(seconds=11)
        assert (await refresh(world, first)).status_code == 400
        assert (await refresh(world, second)).status_code == 400


async def test_a_renewal_whose_answer_was_lost_is_asked_for_again(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        first = (await log_in(world, people.login("dispatcher"))).json()["refresh_token"]
        await refresh(world, first)
        world.clock.advance(seconds=9)
        again = await refresh(world, first)
        assert again.status_code == 200
        assert (await refresh(world, again.json()["refresh_token"])).status_code == 200
        # The seconds are counted from the first time.
        world.clock.advance(seconds=2)
        assert (await refresh(world, first)).status_code == 400


async def test_wrong_logins_sound_alike_and_lock_after_five(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        wrong = await log_in(world, people.login("manager"), "not the password")
        nobody = await log_in(world, "no-such-login", "not the password")
        assert wrong.status_code == nobody.status_code == 400
        assert wrong.json()["detail"] == nobody.json()["detail"]

        for login in (people.login("manager"), "no-such-login"):
            guesses = await asyncio.gather(*(log_in(world, login, f"guess number {n}") for n in range(8)))
            assert sorted(one.status_code for one in guesses) == [400] * 4 + [429] * 4
        locked = await log_in(world, people.login("manager"))
        assert locked.status_code == 429
        assert int(locked.headers["Retry-After"]) > 0
        world.clock.advance(minutes=16)
        assert (await log_in(world, people.login("manager"))).status_code == 200


async def test_many_logins_guessed_from_one_address_are_locked_too(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        answers = [(await log_in(world, f"login-{n}", "not the password")).status_code for n in range(31)]
        assert answers == [400] * 30 + [429]
        assert (await log_in(world, people.login("manager"))).status_code == 429


async def test_a_new_password_and_being_disabled_end_sessions_at_once(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        login, user_id = people.login("dispatcher"), people.id("dispatcher")
        session = (await log_in(world, login)).json()
        world.clock.advance(seconds=1)
        await world.client.patch(f"/v1/users/{user_id}", json={"password": "quite another password"})
        assert (await who(world, session["access_token"])).status_code == 401
        assert (await refresh(world, session["refresh_token"])).status_code == 400
        assert (await log_in(world, login)).status_code == 400

        session = (await log_in(world, login, "quite another password")).json()
        await world.client.patch(f"/v1/users/{user_id}", json={"disabled": True})
        assert (await who(world, session["access_token"])).status_code == 401
        assert (await log_in(world, login, "quite another password")).status_code == 400


async def test_somebody_changes_their_own_password(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        session = (await log_in(world, people.login("driver"))).json()
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        world.clock.advance(seconds=1)
        body = {"old": PASSWORD, "new": "a password of my own"}
        assert (await world.client.post("/v1/me/password", json=body, headers=headers)).status_code == 204
        assert (await world.client.get("/v1/me", headers=headers)).status_code == 401
        assert (await log_in(world, people.login("driver"), "a password of my own")).status_code == 200


async def test_a_weak_password_is_refused(database_url: str) -> None:
    async with running_api(database_url) as world:
        for weak in ("short", "aaaaaaaaaaaaaaaa"):
            body = {"login": "adm-2", "role": "admin", "password": weak}
            assert (await world.client.post("/v1/users", json=body)).status_code == 422


async def test_an_api_key_does_what_its_scopes_say_until_it_ends(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        body: dict[str, object] = {"shipper_id": people.shipper, "label": "erp", "scopes": ["orders:read"]}
        body |= {"expires_in_days": 30}
        made = await world.post("/v1/api-keys", body)
        reading = {"Authorization": f"Bearer {made['key']}"}
        assert (await world.client.get("/v1/orders", headers=reading)).status_code == 200
        assert (await world.client.post("/v1/orders", json={}, headers=reading)).status_code == 403
        assert (await world.client.get("/v1/me", headers=reading)).status_code == 403

        following = await world.post(f"/v1/api-keys/{made['id']}/rotation", {"overlap_hours": 1})
        fresh = {"Authorization": f"Bearer {following['key']}"}
        assert (await world.client.get("/v1/orders", headers=reading)).status_code == 200
        world.clock.advance(hours=1, seconds=1)
        assert (await world.client.get("/v1/orders", headers=reading)).status_code == 401
        assert (await world.client.get("/v1/orders", headers=fresh)).status_code == 200

        await world.client.delete(f"/v1/api-keys/{following['id']}")
        assert (await world.client.get("/v1/orders", headers=fresh)).status_code == 401
        another = await world.post("/v1/api-keys", body)
        world.clock.advance(days=31)
        expired = {"Authorization": f"Bearer {another['key']}"}
        assert (await world.client.get("/v1/orders", headers=expired)).status_code == 401


async def test_secrets_are_kept_by_their_hashes_only(database_url: str) -> None:
    async with running_api(database_url) as world:
        people: People = await people_of(world)
        session = (await log_in(world, people.login("admin"))).json()
        async with world.work() as work:
            stored = await work.connection.fetch("select * from app_user natural left join refresh_token")
        text = "\n".join(str(dict(row)) for row in stored)
        assert PASSWORD not in text
        assert session["refresh_token"] not in text
        assert all(row["password_hash"].startswith("$argon2id$") for row in stored)
