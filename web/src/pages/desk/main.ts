import { mount } from "svelte";

import DeskPage from "./DeskPage.svelte";

mount(DeskPage, { target: document.getElementById("page")! });
