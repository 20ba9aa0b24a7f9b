import { mount } from "svelte";

import WorkPage from "./WorkPage.svelte";

mount(WorkPage, { target: document.getElementById("page")! });
